// Analytics has the figures of `meshflow report`, to the last digit; SQL gives them again.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { Server } from './support/server';

interface Both<T> {
  now: T;
}
interface Report {
  latency_by_role: (Both<{ spans: number; p50_ns: number; p95_ns: number; p99_ns: number; max_ns: number }> & {
    role: string;
  })[];
  cost: { runs: number; total_nano_usd: number; p50_nano_usd: number; p95_nano_usd: number; max_nano_usd: number };
  tokens_by_version: (Both<{ runs: number; tokens: number; input: number; output: number; cached: number }> & {
    workflow: string;
    version: string;
  })[];
  carbon_by_variant: (Both<{ runs: number; nanograms: number }> & { variant: string })[];
  blocked_by_rule: (Both<{ spans: number; runs: number }> & { rule: string })[];
  groups: (Both<{ count: number; cost_nano_usd: number; tokens: number; nanograms: number }> & { group: string })[];
}

let server: Server;
let browser: Browser;
let page: Page;
let report: Report;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  ({ page } = await openPage(browser, { width: 1440, height: 1200 }));
  for (const task of ['one', 'two of them', 'a third, somewhat longer']) await server.lesson(task);
  for (const task of ['four', 'five']) {
    const output = server.meshflow(['run', '../examples/default_team.yaml', '-q', '--task', task]);
    await server.whole(/^trace_id *: (\S+)/m.exec(output)![1], Number(/^spans *: (\d+)/m.exec(output)![1]));
  }
  report = JSON.parse(server.meshflow(['report', '--json']));
  await page.goto(`${server.url}/analytics`);
  await page.getByRole('table', { name: 'Latency per role' }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

// What a cell holds to the last digit: its title where it has one, else its text; digits only.
async function cells(table: string, row: string | RegExp): Promise<string[]> {
  const found = page
    .getByRole('table', { name: table, exact: true })
    .getByRole('row')
    .filter({
      has: page.getByRole('rowheader', { name: row }),
    });
  return found
    .getByRole('cell')
    .evaluateAll((list) =>
      list.map((cell) => (cell.getAttribute('title') ?? cell.textContent ?? '').replace(/ ns$|,/g, '')),
    );
}
const dollars = (nano: number) => String(nano);

test('latency per role', async () => {
  expect(report.latency_by_role.map((row) => row.role).sort()).toEqual(['critic', 'executor', 'planner', 'researcher']);
  for (const { role, now } of report.latency_by_role) {
    const [p95, , p50, p99, max, agents] = await cells('Latency per role', role);
    expect([p50, p95, p99, max, agents].map(Number)).toEqual([
      now.p50_ns,
      now.p95_ns,
      now.p99_ns,
      now.max_ns,
      now.spans,
    ]);
  }
});

test('cost per run', async () => {
  const { cost } = report;
  expect(cost.runs).toBe(5);
  const [perRun, , p50, p95, max, total, runs] = await cells('Cost per run', /^now/);
  expect([p50, p95, max, total]).toEqual(
    [cost.p50_nano_usd, cost.p95_nano_usd, cost.max_nano_usd, cost.total_nano_usd].map(dollars),
  );
  expect(Number(perRun)).toBe(Math.round(cost.total_nano_usd / cost.runs));
  expect(runs).toBe('5');
});

test('tokens by workflow version', async () => {
  expect(report.tokens_by_version).toHaveLength(2);
  for (const { workflow, version, now } of report.tokens_by_version) {
    const [perRun, , input, cached, output, runs] = await cells('Tokens by workflow version', `${workflow} ${version}`);
    expect([perRun, input, cached, output].map(Number)).toEqual(
      [now.tokens, now.input, now.cached, now.output].map((sum) => Math.round(sum / now.runs)),
    );
    expect(Number(runs)).toBe(now.runs);
  }
});

test('carbon per variant', async () => {
  for (const { variant, now } of report.carbon_by_variant) {
    const [perRun] = await cells('Carbon per variant', variant);
    expect(Number(perRun)).toBe(Math.round(now.nanograms / now.runs));
  }
});

test('blocked spans by rule', async () => {
  expect(report.blocked_by_rule).toHaveLength(1);
  const { rule, now } = report.blocked_by_rule[0];
  const [spans, , , runs] = await cells('Blocked by rule', new RegExp(`^${rule}`));
  expect([spans, runs].map(Number)).toEqual([now.spans, now.runs]);
});

test('the same by another grouping', async () => {
  await page.getByLabel('Group by').selectOption('workflow');
  await page.getByRole('table', { name: 'Figures by workflow' }).waitFor();
  const { groups } = JSON.parse(server.meshflow(['report', '--json', '--by', 'workflow'])) as Report;
  expect(groups).toHaveLength(2);
  for (const { group, now } of groups) {
    const [cost, , runs, , , tokens, carbon] = await cells('Figures by workflow', group);
    expect([cost, runs, tokens, carbon].map(Number)).toEqual([now.cost_nano_usd, now.count, now.tokens, now.nanograms]);
  }
  expect(page.url()).toContain('by=workflow');
  await page.goBack();
});

test('“as SQL” opens a question that gives the same figures', async () => {
  await page.getByRole('link', { name: 'Latency per role as SQL' }).click();
  await page.getByRole('heading', { name: /^4 rows/ }).waitFor();
  const rows = await page
    .getByRole('table', { name: 'Rows of the answer' })
    .getByRole('row')
    .evaluateAll((list) => list.slice(1).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)));
  expect(rows).toEqual(
    report.latency_by_role.map(({ role, now }) => [
      role,
      ...[now.spans, now.p50_ns, now.p95_ns, now.p99_ns, now.max_ns].map(String),
    ]),
  );
});
