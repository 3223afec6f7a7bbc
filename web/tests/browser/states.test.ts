// Empty, loading, failing, lost: what a screen says when there is nothing to show.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let page: Page;
let lesson: Lesson;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  ({ page } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('an empty store shows what makes a run, and where it really listens', async () => {
  await page.goto(server.url);
  await page.getByRole('heading', { name: 'Nothing is stored yet' }).waitFor();
  const text = await page.locator('main').textContent();
  expect(text).toContain('MESHFLOW_MOCK=1 python3 hands_on/18_opentelemetry.py');
  expect(text).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
});

test('a run that comes later is found by Find Traces', async () => {
  lesson = await server.lesson();
  await page.getByRole('button', { name: 'Find Traces' }).click();
  await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
  const newest = await page.locator('.newest').textContent();
  expect(newest).toContain('lesson_18');
  expect(newest).toContain('1 blocked by pii.card');
});

test('what takes its time is dimmed beneath a line, then named, and can be cancelled', async () => {
  let release = () => {};
  const held = new Promise<void>((done) => {
    release = done;
  });
  await page.route('**/api/meshflow/runs?*', async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  await page.getByRole('button', { name: 'Find Traces' }).click();
  await page.locator('.progress-line').waitFor();
  await page.locator('.dimmed').waitFor(); // what there was stays
  await page.getByText('Still waiting for the runs.').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect.poll(() => page.locator('.progress-line').count()).toBe(0);
  release();
  await page.unroute('**/api/meshflow/runs?*');
});

test("a question that the server refuses shows the server's sentence, in its place, with Retry", async () => {
  await page.goto(`${server.url}/search?service=meshflow&minDuration=5x`);
  const failure = page.locator('.search-results .failure');
  await failure.waitFor();
  expect(await failure.textContent()).toContain('400');
  await failure.getByRole('button', { name: 'Retry' }).waitFor();
  await page.getByLabel('Service').waitFor(); // the rest of the page lives
});

test('Find says what is wrong with a TraceQL filter', async () => {
  await page.goto(`${server.url}/trace/${lesson.traceId}`);
  await page.getByRole('treegrid').waitFor();
  const field = page.getByRole('search').getByRole('textbox');
  await field.fill('{ duration = }');
  await page.locator('.find-problem').waitFor();
  await field.fill('{ span.meshflow.verdict = "blocked" }');
  await page.getByText('1 match', { exact: true }).waitFor();
  await field.fill('');
});

test('an address that is mistyped says so, and leads on', async () => {
  await page.goto(`${server.url}/trace/xyz`);
  await page.getByRole('heading', { name: 'This is no trace id' }).waitFor();
  await page.goto(`${server.url}/nowhere`);
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
});

test('a trace that is not there is looked for again, then similar ids are offered', async () => {
  await page.goto(`${server.url}/trace/${lesson.traceId.slice(0, 24)}00000000`);
  await page.getByText('looking again for ten seconds').waitFor();
  await page.getByText('It has not come in ten seconds.').waitFor({ timeout: 20_000 });
  await page.getByText('The store holds traces from').waitFor();
  await page.getByRole('link', { name: lesson.traceId }).click();
  await page.getByRole('treegrid').waitFor();
});

test('a server that stops while one looks: what is shown stays, its age is told, and it comes back by itself', async () => {
  await page.goto(`${server.url}/trace/${lesson.traceId}`);
  await page.getByRole('treegrid').waitFor();
  const { port, folder } = server;
  await server.end();
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('End'); // asks for a span's details
  await page.getByText('The server does not answer.').waitFor();
  await page.getByText(/What is shown was read \d+ s ago/).waitFor();
  expect(await page.getByRole('treegrid').count()).toBe(1);
  server = await Server.start({ jaeger: port, folder });
  await expect.poll(() => page.getByText('The server does not answer.').count(), { timeout: 20_000 }).toBe(0);
  await page.locator('.detail .attributes').first().waitFor(); // asked again
});
