// The end of a graph's lines, for their `marker-end`; within <defs>.
export function ArrowHead({ id, class: name }: { id: string; class: string }) {
  return (
    <marker
      id={id}
      viewBox="0 0 8 8"
      refX="7"
      refY="4"
      markerWidth="9"
      markerHeight="9"
      markerUnits="userSpaceOnUse"
      orient="auto"
    >
      <path d="M0 0 8 4 0 8z" class={name} />
    </marker>
  );
}
