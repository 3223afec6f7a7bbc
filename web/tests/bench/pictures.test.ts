// Pictures of the main screens for the documentation, taken from the real UI with the lesson's run in it.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { openBrowser, openPage } from '../browser/support/browser';
import { type Lesson, Server } from '../browser/support/server';

const folder = resolve(import.meta.dirname, '../../../docs/pictures');
let server: Server;
let browser: Browser;
let lesson: Lesson;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  server = await Server.start();
  browser = await openBrowser();
  for (const shop of ['second', 'third', 'fourth']) await server.lesson(`Should we open a ${shop} shop?`);
  lesson = await server.lesson();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

// In both themes where the theme is what one looks at.
test.each([
  ['search', ['light']],
  ['waterfall', ['light', 'dark']],
  ['span-table', ['light']],
  ['graph', ['light']],
  ['analytics', ['light']],
] as const)('%s', async (name, themes) => {
  for (const theme of themes) {
    const { page } = await openPage(browser, { theme, width: 1360, height: 720 });
    await kScreens[name](page);
    await page.mouse.move(0, 0);
    await page.screenshot({ path: `${folder}/${name}-${theme}.png` });
    await page.context().close();
  }
});

const kScreens = {
  search: async (page: Page) => {
    await page.goto(`${server.url}/search`);
    await page.getByRole('heading', { name: '4 traces' }).waitFor();
  },
  waterfall: async (page: Page) => {
    await page.goto(`${server.url}/trace/${lesson.traceId}`);
    await page.getByRole('treegrid').waitFor();
    await page.getByRole('button', { name: 'collapse', exact: true }).click();
    await page.getByRole('button', { name: 'blocked', exact: true }).click();
    await page.keyboard.press('n');
    await page.getByRole('region', { name: 'Why this span was blocked' }).waitFor();
    await page.getByRole('button', { name: 'blocked', exact: true }).click();
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  },
  graph: async (page: Page) => {
    await page.goto(`${server.url}/trace/${lesson.traceId}?view=graph`);
    await page.getByRole('button', { name: /^draft / }).waitFor();
  },
  analytics: async (page: Page) => {
    await page.goto(`${server.url}/analytics`);
    await page.getByRole('table', { name: 'Latency per role' }).waitFor();
    await page.getByRole('img', { name: /^Runs by status/ }).waitFor();
  },
  'span-table': async (page: Page) => {
    await page.goto(`${server.url}/trace/${lesson.traceId}?view=table`);
    await page.getByRole('heading', { name: /names, \d+ spans/ }).waitFor();
    await page.getByRole('button', { name: 'Cost' }).click();
    await page.getByRole('button', { name: /meshflow\.agent/ }).click();
  },
};
