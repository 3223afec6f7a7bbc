// Exercise 5 of the lesson, step by step and in its words: `meshflow serve` in place of the Jaeger container.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, rowOf, type Watched } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let watched: Watched;
let older: Lesson;
let lesson: Lesson;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  // Run the pipeline: twice, so that one of two must be found.
  older = await server.lesson('Should we open a second shop?');
  lesson = await server.lesson();
  watched = await openPage(browser);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('Open the Jaeger UI in your browser', async () => {
  await watched.page.goto(`${server.url}/`);
  await expect.poll(() => watched.page.url()).toContain('/search');
  expect(await watched.page.title()).toBe('Search · MeshFlow');
});

test('Select service: meshflow', async () => {
  const service = watched.page.getByLabel('Service');
  // Chosen already: it is the only one.
  await expect.poll(() => service.inputValue()).toBe('meshflow');
  await service.selectOption('meshflow');
});

test('Click "Find Traces"', async () => {
  const { page } = watched;
  await page.getByRole('button', { name: 'Find Traces' }).click();
  await page.getByRole('heading', { name: '2 traces' }).waitFor();
});

test('Click on the most recent trace to open the span waterfall view', async () => {
  const { page } = watched;
  const first = page
    .getByRole('row')
    .filter({ has: page.getByRole('link') })
    .first();
  expect(await first.textContent()).toContain(lesson.runId);
  await first.getByRole('link').click();
  await page.getByRole('treegrid', { name: 'Spans of the trace' }).waitFor();
  expect(page.url()).toBe(`${server.url}/trace/${lesson.traceId}`);
});

test('How many spans are shown for this trace?', async () => {
  const { page } = watched;
  // As many as the program's summary says.
  await expect.poll(() => page.locator('.facts-line').first().textContent()).toContain(`Spans${lesson.spans}`);
  const tree = page.getByRole('treegrid');
  expect(await tree.getAttribute('aria-rowcount')).toBe(String(lesson.spans + 1));
});

test('Which span is the root (longest bar)?', async () => {
  const { page } = watched;
  const rows = page.getByRole('row', { level: 1 });
  expect(await rows.count()).toBe(1);
  expect(await rows.getAttribute('aria-label')).toMatch(/^meshflow\.run, .*starts at 0 ns, takes /);
});

test('Which spans ran in parallel (overlapping bars)?', async () => {
  const { page } = watched;
  for (const node of ['market', 'technical', 'operations', 'price_lookup']) {
    const row = rowOf(page, new RegExp(`^meshflow\\.node ${node}, `));
    expect(await row.getAttribute('aria-label'), node).toContain('∥ 4 in parallel');
  }
  expect(await rowOf(page, /^meshflow\.node plan, /).getAttribute('aria-label')).not.toContain('∥');
  // For the eye there is a bracket, which says how many.
  expect(await page.locator('.together').allTextContents()).toContain('∥ 4');
});

test('Find the span with verdict=blocked: what color does it use to highlight error spans?', async () => {
  const { page } = watched;
  await page.getByRole('button', { name: 'blocked', exact: true }).click();
  await page.getByText('1 match', { exact: true }).waitFor();
  await page.keyboard.press('n');
  const row = page.locator('[role=row][aria-selected=true]');
  await expect.poll(() => row.getAttribute('aria-label')).toMatch(/^meshflow\.agent draft, executor, .*blocked/);
  // Red, and not by colour alone: ⊘ beside the name.
  expect(await row.locator('.mark').textContent()).toBe('⊘');
  expect(await row.locator('.mark').evaluate((mark) => getComputedStyle(mark).color)).toBe('rgb(160, 0, 8)');
  // Its bar is red, too, on the canvas beside it.
  const reds = await page.locator('canvas.bars').evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      if (data[i] === 160 && data[i + 1] === 0 && data[i + 2] === 8 && data[i + 3] === 255) ++count;
    return count;
  });
  expect(reds).toBeGreaterThan(20);
  // Why, and what followed.
  const card = page.getByRole('region', { name: 'Why this span was blocked' });
  await card.waitFor();
  const text = await card.textContent();
  expect(text).toContain('Rulepii.card');
  expect(text).toContain("Reasonthe guardian's rule pii.card found something in the output");
  expect(text).toMatch(/Followed by\s*meshflow\.node redact/);
});

test('Use "Search by Tag" to find a run by run_id: exactly one trace appears', async () => {
  const { page } = watched;
  await page.getByRole('link', { name: 'Search', exact: true }).click();
  await page.getByLabel('Tags').fill(`run_id=${older.runId}`);
  await page.getByRole('button', { name: 'Find Traces' }).click();
  await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
  const row = page.getByRole('row').filter({ has: page.getByRole('link') });
  expect(await row.count()).toBe(1);
  expect(await row.textContent()).toContain(older.runId);
});

test("The lesson's other searches: verdict=blocked, and cost_usd > 0.01", async () => {
  const { page } = watched;
  const find = async (tags: string, total: string) => {
    await page.getByLabel('Tags').fill(tags);
    await page.getByRole('button', { name: 'Find Traces' }).click();
    await page.getByRole('heading', { name: total, exact: true }).waitFor();
  };
  await find('verdict=blocked', '2 traces');
  await find('cost_usd > 100', '0 traces');
  await page.getByText(/Without Tags there are 2 traces/).waitFor();
  await page.getByRole('button', { name: 'Leave out Tags' }).click();
  await page.getByRole('heading', { name: '2 traces', exact: true }).waitFor();
});

test("Jaeger's addresses work", async () => {
  const { page } = watched;
  const tags = encodeURIComponent(JSON.stringify({ run_id: lesson.runId }));
  await page.goto(
    `${server.url}/search?end=&limit=20&lookback=1h&maxDuration=&minDuration=&operation=all&service=meshflow&tags=${tags}`,
  );
  await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
  expect(await page.getByLabel('Tags').inputValue()).toBe(`run_id=${lesson.runId}`);
  // The lesson writes ids of any length; leading zeros may be left out, and upper case is as good.
  await page.goto(`${server.url}/trace/${lesson.traceId.toUpperCase()}?uiFind=redact`);
  await page.getByRole('treegrid').waitFor();
  await page.getByText(/^\d+ matches$/).waitFor();
});

test('Nothing was complained of on the way', () => {
  expect(watched.complaints).toEqual([]);
});
