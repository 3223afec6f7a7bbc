// From the search to what followed a block, without a pointer.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let page: Page;
let lessons: Lesson[];

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  lessons = [await server.lesson('first'), await server.lesson('second')];
  ({ page } = await openPage(browser));
  await page.goto(`${server.url}/search`);
  await page.getByRole('heading', { name: '2 traces' }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const press = async (...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key);
};
const selected = () => page.locator('[role=row][aria-selected=true]').getAttribute('aria-label');

test('/ goes to the first field, and letters typed there are letters', async () => {
  await press('/');
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('SELECT');
  await page.getByLabel('Tags').focus();
  await page.keyboard.type('gsjk?');
  expect(await page.getByLabel('Tags').inputValue()).toBe('gsjk?');
  await page.getByLabel('Tags').fill('');
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
});

test('j and k move through the runs, Enter opens one', async () => {
  await press('j', 'k', 'j');
  await press('Enter');
  await page.getByRole('treegrid').waitFor();
  expect(page.url()).toContain(lessons[0].traceId); // the older one is second
});

test('the arrow keys move through the tree as in any treegrid', async () => {
  await page.getByRole('treegrid').focus();
  await press('ArrowDown');
  await expect.poll(selected).toMatch(/^meshflow\.run, /);
  await press('ArrowRight'); // to the first child
  await expect.poll(selected).not.toMatch(/^meshflow\.run, /);
  await press('ArrowLeft'); // back up
  await expect.poll(selected).toMatch(/^meshflow\.run, /);
  await press('ArrowLeft'); // closes it
  const grid = page.getByRole('treegrid');
  await expect.poll(() => grid.getAttribute('aria-rowcount')).toBe('2');
  await press('ArrowRight'); // opens it
  await expect.poll(() => grid.getAttribute('aria-rowcount')).toBe(String(lessons[0].spans + 1));
  await press('End');
  await expect
    .poll(() => grid.getAttribute('aria-activedescendant'))
    .toBe(await page.locator('[role=row][aria-selected=true]').getAttribute('id'));
});

test('e goes to the next error or block, n to the next match, and Esc clears', async () => {
  await press('Home', 'e');
  await expect.poll(selected).toMatch(/error|blocked/);
  await press('Control+b');
  await page.keyboard.type('redact');
  await page.getByText(/^\d+ matches$/).waitFor();
  await press('Enter');
  await expect.poll(selected).toMatch(/redact/);
  await press('Escape');
  await expect.poll(() => page.getByRole('search').getByRole('textbox').inputValue()).toBe('');
  await press('Escape', 'Escape');
  await expect.poll(() => page.locator('[role=row][aria-selected=true]').count()).toBe(0);
});

test('Enter leads from a row to its details, and their buttons are reached by Tab', async () => {
  await page.getByRole('treegrid').focus();
  await press('Home', 'Enter');
  await page.getByText('meshflow.run_id').first().waitFor();
  await expect.poll(() => page.evaluate(() => document.activeElement?.hasAttribute('data-detail-start'))).toBe(true);
  await press('Tab');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Close the details');
  await press('Enter');
  await expect.poll(() => page.getByRole('complementary').count()).toBe(0);
});

test('the timeline pans and zooms by arrow keys, and the address says what is shown', async () => {
  const minimap = page.getByRole('slider');
  await minimap.focus();
  await press('ArrowUp', 'ArrowUp', 'ArrowRight');
  await expect.poll(() => page.url()).toMatch(/zoom=0\.\d+-0\.\d+/);
  await press('Home');
  await expect.poll(() => page.url()).not.toContain('zoom=');
});

test('1 and 2 change the view, g s goes to Search, Ctrl K to a run by the beginning of its id', async () => {
  await page.getByRole('treegrid').focus();
  await press('2');
  await page.getByRole('heading', { name: /names, \d+ spans/ }).waitFor();
  await press('g', 's');
  await page.getByRole('heading', { name: '2 traces' }).waitFor();
  await press('Control+k');
  await page.keyboard.type(lessons[1].traceId.slice(0, 10));
  await page.getByRole('dialog').getByRole('option', { name: /trace/ }).first().waitFor();
  await press('Enter');
  await expect.poll(() => page.url()).toContain(lessons[1].traceId);
  await page.getByRole('treegrid').waitFor();
});

test('a screen is saved as a view by its name, and found again', async () => {
  await press('g', 's');
  await page.getByRole('heading', { name: '2 traces' }).waitFor();
  await page.goto(`${server.url}/search?service=meshflow&tags=verdict%3Dblocked`);
  await page.getByRole('heading', { name: '2 traces' }).waitFor();
  await press('Control+k');
  await page.keyboard.type('what was blocked');
  await page
    .getByRole('dialog')
    .getByRole('option', { name: /Save this screen as “what was blocked”/ })
    .waitFor();
  await press('Enter');
  await page.getByText('saved as what was blocked').waitFor();
  await page.goto(`${server.url}/trace/${lessons[1].traceId}`);
  await page.getByRole('treegrid').waitFor();
  await press('Control+k');
  await page.keyboard.type('was bl');
  await page
    .getByRole('dialog')
    .getByRole('option', { name: /what was blocked.*saved view/ })
    .waitFor();
  await press('Enter');
  await expect.poll(() => page.getByLabel('Tags').inputValue()).toBe('verdict=blocked');
  await page.goto(`${server.url}/trace/${lessons[1].traceId}`);
  await page.getByRole('treegrid').waitFor();
});

test('keys of a single character can be turned off', async () => {
  await press('?');
  await page.getByLabel('Keys of a single character').uncheck();
  await press('Escape');
  await press('g', 's');
  expect(page.url()).toContain('/trace/');
  await page.getByRole('button', { name: 'Keys and settings' }).click();
  await page.getByLabel('Keys of a single character').check();
});
