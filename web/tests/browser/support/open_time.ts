import type { Page } from 'playwright-core';
import type { Server } from './server';

// Milliseconds from a click on a trace's link to the frame in which its rows and bars are painted.
export async function openMs(page: Page, server: Server, traceId: string): Promise<number> {
  await page.goto(`${server.url}/search?lookback=24h&traceID=${traceId}`);
  await page.locator('.root-link').waitFor();
  return page.evaluate(
    () =>
      new Promise<number>((done) => {
        const start = performance.now();
        document.querySelector<HTMLElement>('.root-link')!.click();
        const look = () => {
          if (!document.querySelector('.rows .row') || !document.querySelector('canvas.bars')) {
            requestAnimationFrame(look);
            return;
          }
          // The frame after the one in which they came has been painted when a task runs again.
          requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
        };
        look();
      }),
  );
}
