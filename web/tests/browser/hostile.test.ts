// Texts that want to be more than text, and traces that no honest client sends.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, type Watched } from './support/browser';
import { Server } from './support/server';
import { sendTrace, spanId, traceId } from './support/spans';

let server: Server;
let browser: Browser;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  watched = await openPage(browser);
  page = watched.page;
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const open = async (id: string, query = '') => {
  await page.goto(`${server.url}/trace/${id}${query}`);
  await page.getByRole('treegrid').waitFor();
};
const names = () => page.locator('.row .name').allTextContents();

test('markup, scripts and addresses in every field are text', async () => {
  const evil = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>"\'>{{7*7}}';
  const id = traceId(1);
  await sendTrace(server, id, [
    {
      id: 1,
      name: evil,
      error: evil,
      attributes: {
        [evil]: evil,
        'meshflow.node_id': evil,
        'meshflow.role': evil,
        'meshflow.block_reason': evil,
        'meshflow.verdict': 'blocked',
        'a.link': 'javascript:window.broken=1',
        'a.page': 'https://example.org/a?b=<c>',
        'a.data': 'data:text/html,<script>1</script>',
      },
      events: [{ name: evil, atNs: 500_000, attributes: { [evil]: evil } }],
    },
  ]);
  await open(id, `?span=${spanId(1)}`);
  await page.getByRole('region', { name: 'Why this span was blocked' }).waitFor();
  await page.getByText('a.page').waitFor();
  expect(await page.locator('main img, main script, main iframe').count()).toBe(0);
  expect(await page.evaluate(() => 'broken' in window)).toBe(false);
  const links = await page
    .locator('.detail a')
    .evaluateAll((all) => all.map((each) => [(each as HTMLAnchorElement).href, (each as HTMLAnchorElement).rel]));
  expect(links).toEqual([['https://example.org/a?b=%3Cc%3E', 'noopener noreferrer']]);
  await page.getByText('Raw span').click();
  await page.goto(`${server.url}/trace/${id}?view=table`);
  await page.getByRole('heading', { name: '1 names, 1 spans' }).waitFor();
  await page.goto(`${server.url}/search`);
  await page.getByRole('heading', { name: /^\d+ traces?$/ }).waitFor();
  expect(await page.evaluate(() => 'broken' in window)).toBe(false);
});

test('text that runs from right to left, or does not show, is shown as it is or as an escape', async () => {
  const id = traceId(2);
  await sendTrace(server, id, [{ id: 1, name: 'safe\u202Egnp.exe\u200B\u0007 עברית 😀' }]);
  await open(id);
  expect(await names()).toEqual(['safe\\u202egnp.exe\\u200b\\u0007 עברית 😀']);
});

test('names of 10,000 characters do not push anything aside', async () => {
  const id = traceId(3);
  await sendTrace(server, id, [
    { id: 1, name: 'n'.repeat(10_000) },
    { id: 2, parent: 1, name: 'child' },
  ]);
  await open(id);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1280);
  expect((await names())[1]).toBe('child');
});

test('parents in a circle, a span that is its own parent, and two roots: each span once', async () => {
  const id = traceId(4);
  await sendTrace(server, id, [
    { id: 1, name: 'root' },
    { id: 2, name: 'other root', startNs: 1 },
    { id: 3, parent: 5, name: 'a', startNs: 2 },
    { id: 4, parent: 3, name: 'b', startNs: 3 },
    { id: 5, parent: 4, name: 'c', startNs: 4 },
    { id: 6, parent: 6, name: 'own', startNs: 5 },
  ]);
  await open(id);
  expect((await names()).sort()).toEqual(['a', 'b', 'c', 'other root', 'own', 'root']);
});

test('no root: what is missing is said', async () => {
  const id = traceId(5);
  await sendTrace(server, id, [
    { id: 2, parent: 99, name: 'orphan' },
    { id: 3, parent: 99, name: 'another' },
  ]);
  await open(id);
  await page.getByText('2 spans name parents that have not arrived').waitFor();
  await page.getByText('no root span has arrived').waitFor();
});

test('durations of nothing and of days share a trace', async () => {
  const id = traceId(6);
  const day = 86_400e9;
  await sendTrace(
    server,
    id,
    [
      { id: 1, name: 'days', durationNs: 3 * day },
      { id: 2, parent: 1, name: 'nothing', durationNs: 0 },
      { id: 3, parent: 1, name: 'late', startNs: 3 * day - 1e9, durationNs: 1e9 },
    ],
    Date.now() - 4 * 86_400_000,
  );
  await open(id);
  await page.getByRole('row', { name: /^nothing, .*takes 0 ns/ }).waitFor();
  await page.getByRole('row', { name: /^days, .*takes 3 d 0 h/ }).waitFor();
  // The days in which nothing ran are folded away; a click unfolds them.
  await page.getByRole('button', { name: /^Nothing ran for 2 d 23 h|^Nothing ran for 3 d/ }).click();
  await expect.poll(() => page.locator('button.break').count()).toBe(0);
});

test('one span with 4,000 attributes (receivers take 4,096), and one with a value of 5 MB', async () => {
  const id = traceId(7);
  const attributes = Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`key.${i}`, `value ${i}`]));
  await sendTrace(server, id, [
    { id: 1, name: 'many', attributes },
    { id: 2, parent: 1, name: 'large', attributes: { large: 'v'.repeat(5_000_000) } },
  ]);
  await open(id, `?span=${spanId(1)}`);
  await page.getByText(/^show all [\d,]+ attributes$/).waitFor();
  expect(await page.locator('.detail tr').count()).toBeLessThan(400);
  await page.getByLabel('Search the attributes').fill('key.77');
  await page.getByRole('rowheader', { name: 'key.77', exact: true }).waitFor();
  await page.getByRole('row', { name: /^large/ }).click();
  await page.getByText(/^show all [\d,]+ characters$/).waitFor();
});

test('a trace 5,000 deep scrolls sideways instead of eating the names', async () => {
  const id = traceId(8);
  await sendTrace(
    server,
    id,
    Array.from({ length: 5_000 }, (_, i) => ({
      id: i + 1,
      parent: i === 0 ? undefined : i,
      name: `level ${i}`,
      startNs: i,
      durationNs: 10_000 - i,
    })),
  );
  await open(id);
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('End');
  const deepest = page.getByRole('row', { name: /^level 4999, / });
  await deepest.waitFor();
  const box = (await deepest.locator('.name').boundingBox())!;
  expect(box.x).toBeGreaterThan(0);
  expect(box.x + box.width).toBeLessThan(600);
});

test('nothing was complained of', () => {
  expect(watched.complaints).toEqual([]);
});
