// Every screen when what it asks for takes long, is refused, and comes after all.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let lesson: Lesson;

beforeAll(async () => {
  server = await Server.start({ flags: ['--rules', '../examples/alerts/rules.yaml'] });
  browser = await openBrowser();
  lesson = await server.lesson();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const kBlocked = encodeURIComponent('{ span.meshflow.verdict = "blocked" }');

// A screen, its address, the question that is held or refused, and what is there once it is answered.
const kScreens: [string, () => string, string, (page: Page) => Promise<void>][] = [
  [
    'Search',
    () => '/search',
    '**/api/meshflow/runs?*',
    async (page) => page.getByRole('heading', { name: '1 trace', exact: true }).waitFor(),
  ],
  [
    'Waterfall',
    () => `/trace/${lesson.traceId}`,
    '**/api/meshflow/traces/*/outline*',
    async (page) => page.getByRole('treegrid').waitFor(),
  ],
  [
    'Agent graph',
    () => `/trace/${lesson.traceId}?view=graph`,
    '**/api/meshflow/traces/*/outline*',
    async (page) => page.getByRole('button', { name: /^draft / }).waitFor(),
  ],
  [
    'Ledger',
    () => `/trace/${lesson.traceId}?view=ledger`,
    '**/api/meshflow/ledger/*',
    async (page) => page.getByRole('heading', { name: /the chain is unbroken/ }).waitFor(),
  ],
  [
    'Compare',
    () => `/trace/${lesson.traceId}...${lesson.traceId}`,
    '**/api/meshflow/traces/*/outline*',
    async (page) => page.getByRole('heading', { name: /rows differ/ }).waitFor(),
  ],
  [
    'Analytics',
    () => '/analytics',
    '**/api/meshflow/report?*',
    async (page) => page.getByRole('table', { name: 'Latency per role' }).waitFor(),
  ],
  [
    'Blocked',
    () => '/blocked',
    '**/tempo/api/search?*',
    async (page) => page.getByRole('heading', { name: /pii\.card/ }).waitFor(),
  ],
  [
    'What differs',
    () => `/differ?sel=${kBlocked}`,
    '**/api/meshflow/differ',
    async (page) => page.getByRole('region', { name: /^meshflow\.verdict: / }).waitFor(),
  ],
  [
    'Query',
    () => `/query?q=${kBlocked}`,
    '**/tempo/api/search?*',
    async (page) => page.getByRole('heading', { name: /^1 trace/ }).waitFor(),
  ],
  [
    'SQL',
    () => `/sql?q=${encodeURIComponent('SELECT run_id FROM runs')}`,
    '**/api/meshflow/sql',
    async (page) => page.getByRole('heading', { name: /^1 row/ }).waitFor(),
  ],
  [
    'Alerts',
    () => '/alerts',
    '**/api/meshflow/alerts',
    async (page) =>
      page
        .getByRole('heading', { name: /^HighCostRunRate/ })
        .first()
        .waitFor(),
  ],
  [
    'Services',
    () => '/dependencies',
    '**/api/dependencies?*',
    async (page) => page.getByRole('link', { name: /^meshflow / }).waitFor(),
  ],
  [
    'Approvals',
    () => '/approvals',
    '**/api/meshflow/approvals',
    async (page) => page.getByRole('heading', { name: 'Nothing waits' }).first().waitFor(),
  ],
];

const kRefusal = {
  status: 503,
  contentType: 'application/json',
  body: JSON.stringify({
    error: { code: 'unavailable', message: 'too many questions at once', limit: 'queries_max' },
  }),
};

describe.each(kScreens)('%s', (_, address, question, show) => {
  test('says what it waits for after three seconds, and a way out', async () => {
    const { page } = await openPage(browser);
    const held: (() => void)[] = [];
    await page.route(question, async (route) => {
      await new Promise<void>((done) => held.push(done));
      await route.continue().catch(() => {});
    });
    await page.goto(server.url + address());
    await page
      .getByText(/^Still waiting for /)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Cancel' }).first().waitFor();
    for (const release of held) release();
    await page.unroute(question);
    await show(page);
    await page.context().close();
  });

  test("shows the server's sentence, code and limit, and asks again with Retry", async () => {
    const { page, complaints } = await openPage(browser);
    await page.route(question, (route) => route.fulfill(kRefusal));
    await page.goto(server.url + address());
    const failure = page.locator('.failure').first();
    await failure.waitFor();
    for (const words of ['too many questions at once', '503', 'unavailable', 'queries_max'])
      expect(await failure.textContent()).toContain(words);
    await page.getByRole('navigation').first().waitFor(); // the rest of the page lives
    await page.unroute(question);
    while ((await page.locator('.failure').count()) > 0) {
      await page.getByRole('button', { name: 'Retry' }).first().click();
      await page.waitForFunction(() => document.querySelector('.dimmed, .progress-line') === null);
    }
    await show(page);
    expect(complaints.filter((each) => !each.includes('status of 503'))).toEqual([]);
    await page.context().close();
  });
});
