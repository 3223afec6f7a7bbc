// The further views of a trace, and two traces compared, after the lesson.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage } from './support/browser';
import { type Lesson, Server } from './support/server';
import { sendTrace, traceId } from './support/spans';

let server: Server;
let browser: Browser;
let page: Page;
let lesson: Lesson;
let other: Lesson;

beforeAll(async () => {
  server = await Server.start();
  browser = await openBrowser();
  ({ page } = await openPage(browser, { width: 1440, height: 900 }));
  lesson = await server.lesson('one');
  other = await server.lesson('another one, which is longer');
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (view: string) => page.goto(`${server.url}/trace/${lesson.traceId}?view=${view}`);

test('the agent graph shows the nodes of the workflow, the parallel ones beside each other', async () => {
  await open('graph');
  const box = (name: string) => page.getByRole('button', { name: new RegExp(`^${name} `) });
  await box('plan').waitFor();
  const x = async (name: string) => (await box(name).boundingBox())!.x + (await box(name).boundingBox())!.width / 2;
  const middle = await Promise.all(['market', 'technical', 'operations', 'price_lookup'].map(x));
  expect(Math.max(...middle) - Math.min(...middle)).toBeLessThan(2);
  expect(await x('plan')).toBeLessThan(middle[0]);
  expect(await x('synthesis')).toBeGreaterThan(middle[0]);
  expect(await box('draft').getAttribute('aria-label')).toContain('1 blocked');
  await page.getByText('⊘ blocked').waitFor(); // the way to redact
});

test('a box and a row of the waterfall select each other', async () => {
  await page.getByRole('button', { name: /^synthesis / }).press('Enter');
  await page.keyboard.press('1');
  await expect
    .poll(() => page.locator('[role=row][aria-selected=true]').getAttribute('aria-label'))
    .toContain('synthesis');
});

test('the graph is kept as a picture of twice its size', async () => {
  await open('graph');
  await page.getByRole('button', { name: /^plan / }).waitFor();
  const size = await page
    .locator('.graph-scroll > svg')
    .evaluate((drawing) => drawing.getBoundingClientRect().toJSON());
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'The graph as PNG' }).click();
  expect((await download).suggestedFilename()).toBe(`graph-${lesson.traceId}.png`);
  const picture = readFileSync(await (await download).path());
  // PNG: eight bytes of signature, then the header's chunk: length, "IHDR", width, height.
  expect(picture.subarray(1, 4).toString()).toBe('PNG');
  expect(picture.readUInt32BE(16)).toBe(Math.round(2 * size.width));
  expect(picture.readUInt32BE(20)).toBe(Math.round(2 * size.height));
});

test('the graph’s table says what leads where', async () => {
  await open('graph');
  await page.getByRole('button', { name: /^plan / }).waitFor();
  await page.keyboard.press('t');
  const draft = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'draft' }) });
  expect(await draft.textContent()).toContain('⊘ redact');
});

// A loop that is never content: its two nodes run three times each.
const kLoop = `name: never_content
nodes:
  write: {role: executor, prompt: Write.}
  edit: {role: critic, prompt: Look at it.}
edges: [write -> edit]
loop:
  - {from: edit, to: write, until: output starts_with "PERFECT", max_iterations: 3}
`;

test('a loop is a cycle with counts, and a way as it ran', async () => {
  const file = join(server.folder, 'loop.yaml');
  writeFileSync(file, kLoop);
  const output = server.meshflow(['run', file, '--task', 'Say it']);
  const id = /trace_id *: ([0-9a-f]{32})/.exec(output)![1];
  await page.goto(`${server.url}/trace/${id}?view=graph`);
  await page.getByRole('button', { name: /^write × 3 / }).waitFor();
  await page.getByRole('button', { name: /^edit × 3 / }).waitFor();
  // Three times there, twice back.
  expect((await page.locator('.graph-label').allTextContents()).sort()).toEqual(['× 2', '× 3']);
  await page.getByRole('button', { name: 'as it ran' }).click();
  await expect.poll(() => page.getByRole('button', { name: /^write / }).count()).toBe(3);
});

test('what was said is shown where it was captured', async () => {
  const words = ['run', '../examples/default_team.yaml', '--task', 'Which harbour?', '--set', 'capture_content=true'];
  const id = /trace_id *: ([0-9a-f]{32})/.exec(server.meshflow(words))![1];
  await page.goto(`${server.url}/trace/${id}?view=messages`);
  await page
    .getByRole('region', { name: /^chat / })
    .first()
    .waitFor();
  expect(await page.locator('.messages').textContent()).toContain('Which harbour?');
});

test('dragged over the minimap, the timeline shows that part, and the address says so', async () => {
  await page.goto(`${server.url}/trace/${lesson.traceId}`);
  await page.getByRole('treegrid').waitFor();
  const box = (await page.locator('.minimap').boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.5, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, y, { steps: 5 });
  await page.mouse.up();
  await expect.poll(() => page.url()).toMatch(/[?&](start|from|zoom|time)[^=]*=/i);
});

test('a flame by cost is as wide as the run was dear, and zooms', async () => {
  await open('flame&width=cost');
  const root = page.getByRole('button', { name: /^meshflow\.run, / });
  await root.waitFor();
  const cost = server.meshflow([
    'traces',
    'sql',
    '--csv',
    `SELECT cost_usd FROM runs WHERE run_id = '${lesson.runId}'`,
  ]);
  expect(await root.getAttribute('aria-label')).toContain(`$${Number(cost.split('\n')[1])}, 100 %`);
  const synthesis = page.getByRole('button', { name: /^meshflow\.node synthesis, / });
  const before = (await synthesis.boundingBox())!.width;
  await synthesis.press('Enter');
  await expect.poll(async () => (await synthesis.boundingBox())!.width).toBeGreaterThan(before * 3);
  await page.keyboard.press('Escape');
  await expect.poll(async () => (await synthesis.boundingBox())!.width).toBeLessThan(before * 1.1);
});

test('the ledger holds, and its entries lead to their spans', async () => {
  await open('ledger');
  await page
    .getByRole('heading', { name: /the chain is unbroken and its head is the one that the trace names/ })
    .waitFor();
  const blocked = page.getByRole('row').filter({ hasText: '⊘ blocked' });
  expect(await blocked.count()).toBe(1);
  const span = await blocked.getByRole('button').textContent();
  await blocked.getByRole('button').click();
  await expect.poll(() => page.url()).toContain(`span=${span}`);
});

test('two runs of one workflow are compared row by row', async () => {
  await page.goto(`${server.url}/trace/${lesson.traceId}...${other.traceId}`);
  const totals = page.getByRole('table', { name: 'Both runs in a few words' });
  await totals.waitFor();
  expect(await totals.textContent()).toContain(lesson.runId);
  expect(await totals.textContent()).toContain(other.runId);
  const rows = page.getByRole('table', { name: /matched by their place/ }).getByRole('row');
  expect(await rows.count()).toBe(lesson.spans + 1); // the same workflow has the same spans
  expect(await page.getByRole('heading', { name: /rows differ/ }).textContent()).toMatch(`of ${lesson.spans} rows`);
});

test('compared the other way round, with only what changed', async () => {
  await page.keyboard.press('x');
  await expect.poll(() => page.url()).toContain(`${other.traceId}...${lesson.traceId}`);
  await page.getByText('only changes').click();
  await expect.poll(() => page.url()).toContain('only=1');
  const changed = Number(/^(\d+)/.exec((await page.getByRole('heading', { name: /rows differ/ }).textContent())!)![1]);
  expect(changed).toBeLessThan(lesson.spans);
  await expect
    .poll(() =>
      page
        .getByRole('table', { name: /matched by their place/ })
        .getByRole('row')
        .count(),
    )
    .toBe(changed + 1);
});

test('what only one of them has is marked', async () => {
  await sendTrace(server, traceId(7), [
    { id: 1, name: 'root' },
    { id: 2, parent: 1, name: 'gone' },
  ]);
  await sendTrace(server, traceId(8), [
    { id: 1, name: 'root' },
    { id: 2, parent: 1, name: 'new' },
  ]);
  await page.goto(`${server.url}/trace/${traceId(7)}...${traceId(8)}`);
  await page.getByRole('button', { name: 'gone only in A' }).waitFor();
  await page.getByRole('button', { name: 'new only in B' }).waitFor();
});

test('a foreign trace has neither ledger nor messages, and its graph is of its calls', async () => {
  await page.goto(`${server.url}/trace/${traceId(7)}?view=ledger`);
  await page.getByRole('heading', { name: 'This trace is no run of MeshFlow' }).waitFor();
  await page.goto(`${server.url}/trace/${traceId(7)}?view=graph`);
  await page.getByText('an arrow leads from a span to those below it').waitFor();
});
