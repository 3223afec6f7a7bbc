// Every screen in both themes: no violation of WCAG 2.2 AA that axe can see, nothing in the console, nothing that the
// Content-Security-Policy refused, and nothing wider than the window.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let lesson: Lesson;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  lesson = await server.lesson();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

async function violations(page: Page): Promise<string[]> {
  // A page's policy does not hold for what its tester evaluates.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const runner = (window as unknown as { axe: { run(options: unknown): Promise<{ violations: Violation[] }> } }).axe;
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return (await runner.run({ runOnly: { type: 'tag', values: tags } })).violations;
  });
  return found.flatMap((each) =>
    each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
  );
}

const kScreens: [string, () => string, (page: Page) => Promise<void>][] = [
  ['Search', () => '/search', async (page) => page.getByRole('heading', { name: '1 trace', exact: true }).waitFor()],
  [
    'Search, with nothing found',
    () => '/search?service=meshflow&tags=verdict%3Dnone',
    async (page) => page.getByRole('heading', { name: '0 traces' }).waitFor(),
  ],
  ['Waterfall', () => `/trace/${lesson.traceId}`, async (page) => page.getByRole('treegrid').waitFor()],
  [
    'Waterfall, with a blocked span',
    () => `/trace/${lesson.traceId}?uiFind=blocked&critical=1`,
    async (page) => {
      await page.getByRole('treegrid').waitFor();
      await page.keyboard.press('n');
      await page.getByRole('region', { name: 'Why this span was blocked' }).waitFor();
    },
  ],
  [
    'Span table',
    () => `/trace/${lesson.traceId}?view=table`,
    async (page) => page.getByRole('button', { name: /meshflow\.gate/ }).click(),
  ],
  [
    'Agent graph',
    () => `/trace/${lesson.traceId}?view=graph`,
    async (page) => page.getByRole('button', { name: /^draft / }).waitFor(),
  ],
  [
    'Flame',
    () => `/trace/${lesson.traceId}?view=flame`,
    async (page) => page.getByRole('button', { name: /^meshflow\.run, / }).waitFor(),
  ],
  [
    'Messages, none captured',
    () => `/trace/${lesson.traceId}?view=messages`,
    async (page) => page.getByRole('heading', { name: 'Nothing that was said was captured' }).waitFor(),
  ],
  [
    'Ledger',
    () => `/trace/${lesson.traceId}?view=ledger`,
    async (page) => page.getByRole('heading', { name: /the chain is unbroken/ }).waitFor(),
  ],
  [
    'Compare',
    () => `/trace/${lesson.traceId}...${lesson.traceId}`,
    async (page) => page.getByRole('heading', { name: /rows differ/ }).waitFor(),
  ],
  [
    'Analytics',
    () => '/analytics',
    async (page) => {
      await page.getByRole('table', { name: 'Latency per role' }).waitFor();
      await page.getByRole('img', { name: /^Runs by status/ }).waitFor();
    },
  ],
  [
    'Blocked',
    () => '/blocked',
    async (page) => {
      await page.getByRole('heading', { name: /pii\.card/ }).waitFor();
      await page.getByRole('img', { name: /^Blocks by rule/ }).waitFor();
    },
  ],
  [
    'What differs',
    () => `/differ?sel=${encodeURIComponent('{ span.meshflow.verdict = "blocked" }')}`,
    async (page) => page.getByRole('region', { name: /^meshflow\.verdict: / }).waitFor(),
  ],
  [
    'Query',
    () => `/query?q=${encodeURIComponent('{ span.meshflow.verdict = "blocked" }')}`,
    async (page) => page.getByRole('heading', { name: /^1 trace/ }).waitFor(),
  ],
  ['Alerts', () => '/alerts', async (page) => page.getByRole('heading', { name: 'There are no rules' }).waitFor()],
  ['Services', () => '/dependencies', async (page) => page.getByRole('link', { name: /^meshflow / }).waitFor()],
  [
    'SQL',
    () => `/sql?q=${encodeURIComponent('SELECT start_time, run_id, cost_usd FROM runs')}`,
    async (page) => page.getByRole('heading', { name: /^1 row/ }).waitFor(),
  ],
  [
    'Approvals',
    () => '/approvals',
    async (page) => page.getByRole('heading', { name: 'Nothing waits' }).first().waitFor(),
  ],
  [
    'No such page',
    () => '/serach',
    async (page) => page.getByRole('heading', { name: 'There is no such page' }).waitFor(),
  ],
  [
    'No such trace',
    () => '/trace/4a01',
    async (page) => page.getByRole('heading', { name: 'There is no trace with this id' }).waitFor(),
  ],
  [
    'Palette',
    () => '/search',
    async (page) => {
      await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
      await page.keyboard.press('Control+k');
      await page.getByRole('dialog').getByRole('option').nth(1).waitFor();
    },
  ],
  [
    'Help',
    () => '/search',
    async (page) => {
      await page.getByRole('button', { name: 'Keys and settings' }).click();
      await page.getByRole('dialog').waitFor();
    },
  ],
];

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(kScreens)('%s', async (_, address, show) => {
    const { page, complaints } = await openPage(browser, { theme });
    await page.goto(server.url + address());
    await show(page);
    expect(await violations(page)).toEqual([]);
    // The browser itself notes that a page answered 404; nothing else may be noted.
    expect(complaints.filter((each) => !each.includes('status of 404'))).toEqual([]);
    await page.context().close();
  });
});

test.each(kScreens)('%s fits a window of 360 px', async (_, address, show) => {
  const { page } = await openPage(browser, { width: 360, height: 740 });
  await page.goto(server.url + address());
  await show(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await page.context().close();
});

// As at a zoom of 200 % in a window of 1280 × 800.
test('a waterfall in a low window keeps its rows in view', async () => {
  const { page } = await openPage(browser, { width: 640, height: 400 });
  await page.goto(`${server.url}/trace/${lesson.traceId}`);
  await page.getByRole('treegrid').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(800);
  const box = (await page.locator('.scroller').boundingBox())!;
  expect(box.height).toBeGreaterThan(150);
  await page.context().close();
});
