// Chromium, and pages that write down what they complain of.
import { type Browser, chromium, type Page } from 'playwright-core';

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.MESHFLOW_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

export interface Watched {
  readonly page: Page;
  // Console messages of any kind, uncaught errors, and what the policy refused; a test ends with none.
  readonly complaints: string[];
}

export interface PageOptions {
  theme?: 'light' | 'dark';
  width?: number;
  height?: number;
}

export async function openPage(
  browser: Browser,
  { theme = 'light', width = 1280, height = 800 }: PageOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale: 'en-GB' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  await page.exposeFunction('tellViolation', (text: string) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      (window as unknown as { tellViolation(text: string): void }).tellViolation(
        `CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`,
      );
    });
  });
  return { page, complaints };
}

// The row of a span, by a piece of its accessible name.
export const rowOf = (page: Page, words: string | RegExp) => page.getByRole('row', { name: words });
