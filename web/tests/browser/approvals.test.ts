// A person decides in the page, signed in as `meshflow ui` does it: what goes on, who is named, and what was decided
// elsewhere meanwhile.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { Server } from './support/server';

// Runs go on in a process of the server: with its environment.
process.env.MESHFLOW_MOCK = '1';

let server: Server;
let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

// A run that waits for a person: its id.
function paused(task: string): string {
  const output = server.meshflow(['run', '../examples/review_with_fallback.yaml', '--task', task], [4]);
  return /run_[0-9a-f]+/.exec(output)![0];
}
const card = (run: string) => page.getByRole('region', { name: `approval of ${run}: pending` });
// As the list of runs says it: one JSON object on a line.
const statusOf = (run: string): string =>
  server
    .meshflow(['runs', '--json'])
    .split('\n')
    .filter((line) => line.includes(run))
    .map((line) => JSON.parse(line).status)
    .join();

test('the address that meshflow ui prints signs in, once', async () => {
  const address = server.meshflow(['ui', '--no-browser', '--by', 'Ada']).trim();
  await page.goto(address);
  await expect.poll(() => page.url()).not.toContain('code=');
  await page.goto(`${server.url}/approvals`);
  await page.getByRole('heading', { name: 'Nothing waits' }).first().waitFor();
  const { page: other } = await openPage(browser);
  await other.goto(address);
  await other.getByText(/code/).first().waitFor();
  await other.context().close();
});

test('what begins to wait comes by itself, and no single letter decides', async () => {
  const run = paused('Shall we?');
  await card(run).waitFor();
  for (const key of ['a', 'r', 'y']) await page.keyboard.press(key);
  await expect.poll(() => page.title()).toBe('(1) Approvals · MeshFlow');
  expect(await card(run).getByRole('button', { name: 'Reject' }).isDisabled()).toBe(true);
  expect(statusOf(run)).toBe('paused');
});

test('approved by keyboard, the run goes on to its end, and its trace and ledger name who decided', async () => {
  const run = /run_[0-9a-f]+/.exec(
    (await page.getByRole('region', { name: /: pending$/ }).getAttribute('aria-label'))!,
  )![0];
  const trace = /\/trace\/([0-9a-f]{32})/.exec((await card(run).getByRole('link').first().getAttribute('href'))!)![1];
  await card(run).getByRole('textbox', { name: 'Comment' }).fill('go ahead');
  await card(run).getByRole('button', { name: 'Approve' }).press('Enter');
  await page.getByText(/approved; the run is/).waitFor();
  await expect.poll(() => statusOf(run), { timeout: 20_000 }).toBe('completed');
  await page.goto(`${server.url}/trace/${trace}?view=ledger`);
  await page.getByRole('heading', { name: /the chain is unbroken/ }).waitFor();
  expect(await page.locator('main').textContent()).toContain('Ada');
  await page.goto(`${server.url}/trace/${trace}`);
  await page.getByText('completed').first().waitFor();
});

test('rejected with a comment, the run ends', async () => {
  await page.goto(`${server.url}/approvals`);
  const run = paused('And now?');
  await card(run).getByRole('textbox', { name: 'Comment' }).fill('not today');
  await card(run).getByRole('button', { name: 'Reject' }).click();
  await page.getByText(/rejected; the run is/).waitFor();
  await expect.poll(() => statusOf(run), { timeout: 20_000 }).not.toBe('paused');
  expect(statusOf(run)).not.toBe('completed');
});

test('what somebody else has decided meanwhile is not decided again, and the page says so', async () => {
  await page.goto(`${server.url}/approvals`);
  const run = paused('Once more?');
  await card(run).waitFor();
  // The page is not told before it decides.
  await page.route('**/api/meshflow/approvals/*', async (route) => {
    server.meshflow(['approve', run, '--by', 'Bob'], [0, 1, 3, 4]);
    await route.continue();
  });
  await card(run).getByRole('button', { name: 'Approve' }).click();
  const notice = page.getByRole('alert').filter({ hasText: 'Nothing was decided on approval' });
  await notice.waitFor();
  await page.unroute('**/api/meshflow/approvals/*');
  await expect.poll(() => card(run).count()).toBe(0);
  expect(await notice.textContent()).toContain('It waits no longer.');
});

test('nothing was complained of but the refused decision', () => {
  expect(complaints.filter((each) => !each.includes('status of 409'))).toEqual([]);
});
