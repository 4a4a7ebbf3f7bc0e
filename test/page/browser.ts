// A browser without a screen, and pages in it that must not complain.
import { setTimeout as wait } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from '../../src/runtime/local/programs.ts';

export type OpenPage = AsyncDisposable & {
  readonly page: Page;
  /** What went wrong in it: errors, what was refused or not found. */
  readonly complaints: readonly string[];
};

/** `chromium` of PATH, or PEERSTORM_CHROMIUM. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = await findProgram('chromium');
  // Its sandbox needs what root in a container has not; what it opens is ours.
  return await chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

export type Look = {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** Else everything is at its place at once, and replays begin when they are told to. */
  readonly motion?: boolean;
};

export async function openPageAt(
  browser: Browser,
  url: string,
  look: Look = {},
): Promise<OpenPage> {
  const { width = 1280, height = 820, dark = false, motion = false } = look;
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: motion ? 'no-preference' : 'reduce',
  });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => {
    const error = request.failure()?.errorText ?? '';
    // A stream ends when its server goes.
    if (!request.url().endsWith('/events')) complaints.push(`${request.url()}: ${error}`);
  });
  await page.goto(url);
  return { page, complaints, [Symbol.asyncDispose]: () => page.close() };
}

export type Position = {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly side: number | undefined;
};

/** Where nodes are drawn, when nothing moves any more. */
export async function positionsIn(page: Page): Promise<readonly Position[]> {
  await until(() => page.evaluate<boolean>('globalThis.peerstormGraph?.resting === true'));
  return await page.evaluate<Position[]>('globalThis.peerstormGraph.positions()');
}

/** Asks until it is so; the page's own waiting needs `eval`, which the page forbids. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > limit) throw new TypeError(`it never came to be: ${String(isSo)}`);
    await wait(30);
  }
}
