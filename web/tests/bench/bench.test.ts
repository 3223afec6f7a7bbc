// From a click to the painted waterfall, how large the answers are, and how long frames take while one scrolls; beside it
// Jaeger's JSON of the same trace, fetched and parsed by the same page. Prints the figures and writes build/bench/ui.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from '../browser/support/browser';
import { openMs } from '../browser/support/open_time';
import { Server } from '../browser/support/server';
import { manySpans, sendTrace, traceId } from '../browser/support/spans';

const kTries = 5;
const build = resolve(process.env.MESHFLOW_BUILD ?? '../build');
const figures: Record<string, number> = {};
let server: Server;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  ({ page } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  mkdirSync(join(build, 'bench'), { recursive: true });
  writeFileSync(join(build, 'bench/ui.json'), `${JSON.stringify(figures, null, 2)}\n`);
});

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const say = (name: string, value: number, unit: string) => {
  figures[name] = Math.round(value * 100) / 100;
  console.log(`${name.padEnd(44)} ${figures[name]} ${unit}`);
};

async function jsonMs(path: string): Promise<{ ms: number; bytes: number }> {
  return page.evaluate(async (address) => {
    const start = performance.now();
    const text = await (await fetch(address)).text();
    JSON.parse(text);
    return { ms: performance.now() - start, bytes: text.length };
  }, server.url + path);
}

// The 95th percentile of the time between frames while the rows scroll.
async function scrollMs(): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((done) => {
        const scroller = document.querySelector('.scroller')!;
        const frames: number[] = [];
        let last = performance.now();
        const step = (now: number) => {
          frames.push(now - last);
          last = now;
          scroller.scrollTop += 120;
          if (frames.length < 120) requestAnimationFrame(step);
          else done(frames.slice(1).sort((a, b) => a - b)[Math.floor(frames.length * 0.95)]);
        };
        requestAnimationFrame(step);
      }),
  );
}

test.each([
  [10_000, kTries, 1000],
  [200_000, 1, Number.POSITIVE_INFINITY],
])('%i spans', async (count, tries, limitMs) => {
  const id = traceId(count);
  await sendTrace(server, id, manySpans(count));
  const times: number[] = [];
  for (let i = 0; i < tries; ++i) times.push(await openMs(page, server, id));
  const name = `${count / 1000}k spans`;
  const best = median(times);
  say(`${name}: click to paint`, best, 'ms');
  say(`${name}: p95 of a frame, scrolling`, await scrollMs(), 'ms');
  const rows = await page.locator('.rows .row').count();
  say(`${name}: rows in the page`, rows, '');
  const outline = await jsonMs(`/api/meshflow/traces/${id}/outline`);
  say(`${name}: outline, fetched and parsed`, outline.ms, 'ms');
  say(`${name}: outline`, outline.bytes / 1e6, 'MB');
  const jaeger = await jsonMs(`/api/traces/${id}`);
  say(`${name}: Jaeger's JSON, fetched and parsed`, jaeger.ms, 'ms');
  say(`${name}: Jaeger's JSON`, jaeger.bytes / 1e6, 'MB');
  expect(rows).toBeLessThan(100);
  expect(best).toBeLessThan(limitMs);
});
