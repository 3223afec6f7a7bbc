// Query, SQL, Blocked, What differs, Alerts and Approvals, after the lesson and a run that waits for a person.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let page: Page;
let lesson: Lesson;

beforeAll(async () => {
  server = await Server.start({ flags: ['--rules', '../examples/alerts/rules.yaml'] });
  browser = await openBrowser();
  ({ page } = await openPage(browser, { width: 1440, height: 900 }));
  lesson = await server.lesson();
  // 4: the run waits.
  server.meshflow(['run', '../examples/review_with_fallback.yaml', '-q', '--task', 'Shall we?'], [4]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const editor = (name: string) => page.getByRole('textbox', { name });

// What was typed while the page was painted came back from it as older text, and the two never agreed again.
test('a query is typed, completed by the server, and run with Ctrl Enter', async () => {
  await page.goto(`${server.url}/query`);
  await editor('TraceQL').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('{ na');
  await page.getByRole('option', { name: /^name/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.type('me = "meshflow.agent" && span.verdict = "blocked" }');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('heading', { name: /^1 trace/ }).waitFor();
  expect(new URL(page.url()).searchParams.get('q')).toBe('{ name = "meshflow.agent" && span.verdict = "blocked" }');
});

test('an error underlines the exact text and says what would be right', async () => {
  await page.goto(`${server.url}/query?q=${encodeURIComponent('{ statsu = error }')}`);
  await expect.poll(() => page.locator('.cm-lintRange-error').allTextContents()).toEqual(['statsu']);
  await expect.poll(() => page.locator('.failure').textContent()).toContain('did you mean status?');
});

test('a wrong name in SQL is underlined, too', async () => {
  await page.goto(`${server.url}/sql?q=${encodeURIComponent('SELECT run_id FROM rusn')}`);
  await expect.poll(() => page.locator('.cm-lintRange-error').allTextContents()).toEqual(['rusn']);
});

test('a blocked span says its rule and what followed, and leads to its place', async () => {
  await page.goto(`${server.url}/blocked`);
  const row = page.getByRole('row').filter({ hasText: lesson.runId });
  await row.waitFor();
  for (const words of ['draft', 'executor', 'content_policy', 'redact'])
    expect(await row.textContent()).toContain(words);
  await row.getByRole('link').click();
  await expect.poll(() => page.url()).toMatch(new RegExp(`/trace/${lesson.traceId}\\?span=[0-9a-f]{16}`));
});

test('what blocked spans have in common: their verdict alone tells them from the rest', async () => {
  await page.goto(`${server.url}/differ`);
  await page.getByRole('button', { name: 'blocked', exact: true }).click();
  await page.getByRole('heading', { name: /^1 span against/ }).waitFor();
  await page.getByText('the selection is small: fewer than 10').waitFor();
  await page.getByRole('button', { name: 'Only executor in the selection' }).click();
  await expect
    .poll(() => new URL(page.url()).searchParams.get('sel'))
    .toMatch(/^\{ span\.meshflow\.verdict = "blocked" && .*executor/);
});

test('a rule that does not fire says what it fires at', async () => {
  await page.goto(`${server.url}/alerts`);
  await page.getByRole('heading', { name: 'No rule fires of 4' }).waitFor();
  const rule = page.getByRole('region', { name: 'HighCostRunRate: inactive' });
  expect(await rule.textContent()).toContain('fires at > 3');
});

test('what waits for a person is shown with all that it would do, and is not decided without signing in', async () => {
  await page.goto(`${server.url}/approvals`);
  await page.getByRole('heading', { name: '1 decision waits' }).waitFor();
  await page.getByText('To decide, sign in with').waitFor();
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
  await expect.poll(() => page.title()).toBe('(1) Approvals · MeshFlow');
});
