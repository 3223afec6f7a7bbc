// A trace of 10,000 spans: open within a second, few rows in the page, and every one of them can be reached.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, type Watched } from './support/browser';
import { openMs } from './support/open_time';
import { Server } from './support/server';
import { manySpans, sendTrace, traceId } from './support/spans';

const kSpans = 10_000;
const id = traceId(1);
let server: Server;
let browser: Browser;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  watched = await openPage(browser);
  page = watched.page;
  await sendTrace(server, id, manySpans(kSpans));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('is painted within a second of the click', async () => {
  const times: number[] = [];
  for (let i = 0; i < 3; ++i) times.push(await openMs(page, server, id));
  expect(Math.min(...times)).toBeLessThan(1000);
});

test('has about 60 rows in the page, wherever one scrolls', async () => {
  const rows = () => page.locator('.rows .row').count();
  expect(await rows()).toBeLessThan(80);
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('End');
  await expect
    .poll(() => page.locator('[role=row][aria-selected=true]').getAttribute('aria-rowindex'))
    .toBe(String(kSpans + 1));
  expect(await rows()).toBeLessThan(80);
});

test('Find counts what matches, here and on the server', async () => {
  const field = page.getByRole('search').getByRole('textbox');
  await field.fill('errors');
  await page.getByText('20 matches', { exact: true }).waitFor(); // every 500th
  await field.fill('{ span.a.fifth = 777 }');
  await page.getByText('1 match', { exact: true }).waitFor();
  await page.keyboard.press('Enter');
  await expect
    .poll(() => page.locator('[role=row][aria-selected=true]').getAttribute('aria-label'))
    .toMatch(/node 77,/);
});

test('collapses and expands whole', async () => {
  await page.getByRole('treegrid').focus();
  const rows = () => page.getByRole('treegrid').getAttribute('aria-rowcount');
  await page.keyboard.press(']');
  await expect.poll(rows).toBe('2');
  await page.keyboard.press('o');
  await expect.poll(rows).toBe('1002'); // the root and its 1,000 nodes
  await page.keyboard.press('[');
  await expect.poll(rows).toBe(String(kSpans + 1));
});

test('nothing was complained of', () => {
  expect(watched.complaints).toEqual([]);
});
