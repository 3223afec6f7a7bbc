// Behind a proxy that hands on what is below a path: every address of the page is below it.
import { createServer, type Server as HttpServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';

let server: Server;
let browser: Browser;
let proxy: HttpServer;
let lesson: Lesson;
const outside: string[] = []; // what was asked for that is not below the path

beforeAll(async () => {
  server = await Server.start({ flags: ['--ui-base', '/meshflow/'] });
  browser = await openBrowser();
  lesson = await server.lesson();
  proxy = createServer((from, to) => {
    if (!from.url!.startsWith('/meshflow/')) {
      outside.push(from.url!);
      to.writeHead(404).end();
      return;
    }
    const onwards = request(
      `${server.url}${from.url!.slice('/meshflow'.length)}`,
      { method: from.method, headers: { ...from.headers, host: new URL(server.url).host } },
      (answer) => {
        to.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(to);
      },
    );
    from.pipe(onwards);
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
});
afterAll(async () => {
  await browser?.close();
  proxy?.close();
  await server?.stop();
});

test('search and waterfall work there', async () => {
  const { page, complaints } = await openPage(browser);
  const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/meshflow`;
  await page.goto(`${base}/`);
  await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
  expect(page.url()).toContain(`${base}/search`);
  await page.locator('.root-link').click();
  await page.getByRole('treegrid').waitFor();
  expect(page.url()).toBe(`${base}/trace/${lesson.traceId}`);
  await page.reload();
  await page.getByRole('treegrid').waitFor();
  await page.getByRole('link', { name: 'Search', exact: true }).click();
  await page.getByRole('heading', { name: '1 trace', exact: true }).waitFor();
  await page.goBack();
  await page.getByRole('treegrid').waitFor();
  expect(outside).toEqual([]);
  expect(complaints).toEqual([]);
});
