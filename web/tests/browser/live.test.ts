// Runs and traces that come while one looks, without a click.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, rowOf, type Watched } from './support/browser';
import { Server } from './support/server';
import { requestOf, type SpanWords, spanId, traceId } from './support/spans';

let server: Server;
let browser: Browser;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  await server.lesson('first');
  watched = await openPage(browser);
  page = watched.page;
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('Search shows a new run by itself', async () => {
  await page.goto(`${server.url}/search`);
  await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
  await page.getByRole('button', { name: /live/ }).click();
  await expect.poll(() => page.url()).toContain('live=1');
  await server.lesson('second');
  await page.getByRole('heading', { name: '2 traces', exact: true }).waitFor();
});

test('a trace grows, and what is selected stays where it is', async () => {
  const id = traceId(77);
  const start = Date.now() - 10_000;
  const send = (...spans: SpanWords[]) => server.send(requestOf(id, spans, start));
  await send({ id: 3, parent: 2, name: 'third', startNs: 3e9, durationNs: 1e9 });
  await server.seen(id, 1);
  await page.goto(`${server.url}/trace/${id}?live=1&span=${spanId(3)}`);
  await page.getByRole('treegrid').waitFor();
  await page.mouse.wheel(0, 1); // one who scrolls is not led elsewhere
  const third = rowOf(page, /^third, /);
  expect(await third.getAttribute('aria-level')).toBe('1');
  await send(
    { id: 1, name: 'root', durationNs: 9e9 },
    { id: 2, parent: 1, name: 'second', startNs: 1e9, durationNs: 5e9 },
  );
  await rowOf(page, /^root, /).waitFor();
  await expect.poll(() => third.getAttribute('aria-level')).toBe('3');
  expect(await third.getAttribute('aria-selected')).toBe('true');
  await expect.poll(() => page.getByRole('treegrid').getAttribute('aria-rowcount')).toBe('4');
});

test('without live nothing moves', async () => {
  const id = traceId(78);
  await server.send(requestOf(id, [{ id: 1, name: 'root' }], Date.now()));
  await server.seen(id, 1);
  await page.goto(`${server.url}/trace/${id}`);
  await page.getByRole('treegrid').waitFor();
  await server.send(requestOf(id, [{ id: 2, parent: 1, name: 'late' }], Date.now()));
  await server.seen(id, 2);
  expect(await page.getByRole('treegrid').getAttribute('aria-rowcount')).toBe('2');
  await page.keyboard.press('l');
  await rowOf(page, /^late, /).waitFor();
});

test('nothing was complained of', () => {
  expect(watched.complaints).toEqual([]);
});
