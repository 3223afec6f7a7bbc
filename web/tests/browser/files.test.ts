// A trace from a file is shown and not stored.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, type Watched } from './support/browser';
import { Server } from './support/server';
import { requestOf, traceId } from './support/spans';

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

async function open(name: string, text: string) {
  const path = join(server.folder, name);
  writeFileSync(path, text);
  await page.goto(`${server.url}/search`);
  await page.getByLabel('File with traces').setInputFiles(path);
}

const otlp = (id: number) =>
  JSON.stringify(
    requestOf(
      traceId(id),
      [
        { id: 1, name: 'from a file' },
        { id: 2, parent: 1, name: 'below', attributes: { 'a.key': 'a value' } },
      ],
      Date.now(),
    ),
  );

test('OTLP opens as a waterfall with its details', async () => {
  await open('one.json', otlp(1));
  await page.getByRole('treegrid').waitFor();
  await page.getByText('opened from a file; nothing of it is stored').waitFor();
  await page.getByRole('row', { name: /^below, / }).click();
  await page.getByRole('row', { name: /a\.key a value/ }).waitFor();
});

test('the server has not kept it', async () => {
  const answer = await fetch(`${server.url}/api/traces/${traceId(1)}`);
  expect(answer.status).toBe(404);
});

test("the lines of an export, and Jaeger's JSON, open too", async () => {
  await open('lines.jsonl', `${otlp(2)}\n${otlp(3)}\n`);
  await page.getByRole('list', { name: 'Traces in the file' }).getByRole('link').nth(1).click();
  await page.getByRole('treegrid').waitFor();
  expect(page.url()).toContain(traceId(3));
  const lesson = await server.lesson();
  const jaeger = await (await fetch(`${server.url}/api/traces/${lesson.traceId}`)).text();
  await open('jaeger.json', jaeger);
  await page.getByRole('treegrid').waitFor();
  expect(await page.getByRole('treegrid').getAttribute('aria-rowcount')).toBe(String(lesson.spans + 1));
});

test('what is no trace is refused with what would be right', async () => {
  await open('wrong.json', '{"hello": 1}');
  await page.getByText(/wrong\.json holds no traces in OTLP's or Jaeger's JSON/).waitFor();
  await open('broken.json', '{"resourceSpans": [');
  await page.getByText(/broken\.json is not JSON, nor JSON lines/).waitFor();
});

test('nothing was complained of', () => {
  expect(watched.complaints).toEqual([]);
});
