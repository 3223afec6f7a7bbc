// Calls between services, and what is known of each.
export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

export interface ServiceRow {
  readonly name: string;
  readonly calledBy: number;
  readonly calls: number;
  readonly spans: number | null;
  readonly errors: number | null;
}

// All services that are named anywhere, the busiest first.
export function serviceRows(
  dependencies: readonly Dependency[],
  services: readonly string[],
  spans: ReadonlyMap<string, number> | null,
  errors: ReadonlyMap<string, number> | null,
): ServiceRow[] {
  const names = new Set([...services, ...(spans?.keys() ?? [])]);
  for (const { parent, child } of dependencies) names.add(parent).add(child);
  const sum = (name: string, end: 'parent' | 'child') =>
    dependencies.filter((each) => each[end] === name).reduce((total, each) => total + each.callCount, 0);
  return [...names]
    .map((name) => ({
      name,
      calledBy: sum(name, 'child'),
      calls: sum(name, 'parent'),
      spans: spans === null ? null : (spans.get(name) ?? 0),
      errors: errors === null ? null : (errors.get(name) ?? 0),
    }))
    .sort(
      (a, b) =>
        (b.spans ?? 0) - (a.spans ?? 0) || b.calls + b.calledBy - (a.calls + a.calledBy) || (a.name < b.name ? -1 : 1),
    );
}
