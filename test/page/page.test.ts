// The page in a real browser, on the memory runtime: virtual time stands still while the browser is
// looked at.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPage } from '../../src/cli/page-bundle.ts';
import { followSession } from '../../src/web/live.ts';
import { servePage } from '../../src/web/server.ts';
import { type During, type Outcome, runCase } from '../compliance/harness.ts';
import { specOf, untilElapsed } from '../compliance/spec.ts';
import {
  type Look,
  type OpenPage,
  openBrowser,
  openPageAt,
  type Position,
  positionsIn,
  until,
} from './browser.ts';
import { serveReplay } from './replay.ts';

let browser: Browser;
let folder: string;
beforeAll(async () => {
  folder = await findPage(() => undefined);
  browser = await openBrowser();
});
afterAll(() => browser?.close());

const groups = `
    - { name: boot, count: 2, kind: reference, bootstrap: true }
    - { name: miner, count: 2, kind: reference, role: miner, config: { blockInterval: 2s } }
    - { name: full, count: 6, kind: reference }
    - { name: evil, count: 3, kind: reference, role: adversary }`;
const network = {
  groups,
  topology: '{ model: random-regular, degree: 6 }',
  faults: `
    - { name: cut, at: 4s, for: 6s, partition: { sides: [{ nodes: [full-0, full-1, full-2, full-3] }] } }`,
  expect: `
    - { name: it is cut, during: cut, metric: components, is: ">= 2" }
    - { name: never cut, always: true, metric: components, is: "== 1" }
    - { name: whole again, after: cut, within: 20s, metric: components, is: "== 1" }`,
};

/** How a page looks: asked for in the run, checked after it. */
type Watching = During & { readonly open: OpenPage };

async function watching(
  spec: string,
  { control, watch }: { control: boolean; watch: (now: Watching) => Promise<void> },
): Promise<Outcome> {
  return await runCase('memory', {
    spec,
    during: async (during) => {
      const { session, plan, hold } = during;
      const stop = new AbortController();
      const source = followSession(session, { testnet: plan.testnet, control }, stop.signal);
      const server = await hold(servePage(source, { folder, port: 0 }));
      const open = await hold(openPageAt(browser, server.url));
      try {
        await watch({ ...during, open });
        expect(open.complaints).toEqual([]);
      } finally {
        stop.abort();
        await hold(closing(open));
        await hold(closing(server));
      }
    },
  });
}

const closing = async (one: AsyncDisposable) => await one[Symbol.asyncDispose]();

/** Opens a page on a run that is over, and looks at it. */
async function replaying(run: Outcome, look: (open: OpenPage) => Promise<void>, options?: Look) {
  await using server = await serveReplay(run, folder);
  await using open = await openPageAt(browser, server.url, options);
  await open.page.waitForSelector('canvas');
  await look(open);
  expect(open.complaints).toEqual([]);
}

const text = (page: Page, selector: string) => page.locator(selector).innerText();
const statuses = (page: Page) =>
  page
    .locator('.expectations li')
    .evaluateAll((items) =>
      items.map((item) => (item as unknown as { dataset: { status: string } }).dataset.status),
    );
/** Waits until the page is at that time of the run, or later. */
const reaches = (page: Page, seconds: number) =>
  until(async () => Number.parseFloat(await text(page, '#time')) >= seconds);

/** Sides do not lie in each other: each disc around a centre ends before the other begins. */
function gapBetween(positions: readonly Position[], names: readonly string[]): number {
  const honest = positions.filter(({ side }) => side !== undefined);
  const discs = [true, false].map((inside) => {
    const of = honest.filter(({ name }) => names.includes(name) === inside);
    const x = of.reduce((sum, one) => sum + one.x, 0) / of.length;
    const y = of.reduce((sum, one) => sum + one.y, 0) / of.length;
    const spread = of.reduce((sum, one) => sum + (one.x - x) ** 2 + (one.y - y) ** 2, 0);
    return { x, y, radius: Math.sqrt(spread / of.length) };
  });
  const [a, b] = discs;
  if (a === undefined || b === undefined) return 0;
  return Math.hypot(a.x - b.x, a.y - b.y) - a.radius - b.radius;
}

const sideOf = (positions: readonly Position[], name: string) =>
  positions.find((one) => one.name === name)?.side;

describe('the page of a running testnet', () => {
  test('shows a split as a gap, and claims as they settle', async () => {
    const cut = ['full-0', 'full-1', 'full-2', 'full-3'];
    await watching(specOf(network), {
      control: false,
      watch: async (now) => {
        const { hold, open } = now;
        const { page } = open;
        await untilElapsed(now, 3);
        await hold(reaches(page, 2));
        const whole = await hold(positionsIn(page));
        expect(whole).toHaveLength(13);
        expect(new Set(whole.map(({ side }) => side)).size).toBe(2);
        expect(await hold(statuses(page))).toEqual(['pending', 'pending', 'pending']);
        await untilElapsed(now, 9);
        await hold(reaches(page, 8));
        const split = await hold(positionsIn(page));
        expect(sideOf(split, 'full-0')).not.toBe(sideOf(split, 'miner-0'));
        expect(gapBetween(split, cut)).toBeGreaterThan(Math.max(20, gapBetween(whole, cut)));
        expect(await hold(statuses(page))).toEqual(['passed', 'failed', 'pending']);
        expect(await hold(page.locator('[data-fault=cut]').getAttribute('data-state'))).toBe(
          'active',
        );
        while ((await now.session.status()).exitCode === undefined) await now.sleep(500);
        await now.sleep(1_500);
        await hold(page.waitForSelector('#phase:text-is("failed")'));
        expect(await hold(statuses(page))).toEqual(['passed', 'failed', 'passed']);
        const again = await hold(positionsIn(page));
        expect(sideOf(again, 'full-0')).toBe(sideOf(again, 'miner-0'));
      },
    });
  });

  test('splits who was encircled, and takes that back', async () => {
    await watching(specOf({ groups, topology: network.topology, more: 'duration: 40s' }), {
      control: true,
      watch: async (now) => {
        const { hold, session } = now;
        const { page } = now.open;
        await untilElapsed(now, 2);
        await hold(reaches(page, 1));
        const target = (await hold(positionsIn(page))).find(({ name }) => name === 'full-4');
        await hold(encircle(page, target ?? { x: 0, y: 0 }));
        await hold(page.waitForSelector('.control small:text-is("1 nodes picked")'));
        await hold(page.getByRole('button', { name: 'Split them off' }).click());
        await hold(page.waitForSelector('.told:has-text("page-split-1 is accepted")'));
        expect((await session.faults()).map(({ name }) => name)).toEqual(['page-split-1']);
        await untilElapsed(now, 7);
        await hold(reaches(page, 6));
        const split = await hold(positionsIn(page));
        expect(sideOf(split, 'full-4')).not.toBe(sideOf(split, 'boot-0'));
        await hold(page.getByRole('button', { name: 'Clear all faults' }).click());
        await hold(page.waitForSelector('.told:has-text("cleared")'));
        await untilElapsed(now, 20);
        await hold(reaches(page, 19));
        const healed = await hold(positionsIn(page));
        expect(sideOf(healed, 'full-4')).toBe(sideOf(healed, 'boot-0'));
        await hold(page.getByRole('button', { name: 'Eclipse them' }).click());
        await hold(page.waitForSelector('.told:has-text("page-eclipse-1 is accepted")'));
        await hold(page.getByRole('slider', { name: 'Loss' }).fill('35'));
        await hold(page.getByRole('button', { name: 'Worsen their links' }).click());
        await hold(page.waitForSelector('.told:has-text("page-link-1 is accepted")'));
        const faults = await session.faults();
        expect(faults.map(({ kind }) => kind)).toEqual(['partition', 'eclipse', 'link']);
        expect(faults[1]).toMatchObject({ victims: ['full-4'] });
      },
    });
  });
});

/** Draws a line around a place on the canvas. */
async function encircle(page: Page, { x, y }: { readonly x: number; readonly y: number }) {
  await page.getByRole('button', { name: 'Pick nodes' }).click();
  const box = await page.locator('#graph').boundingBox();
  const at = (angle: number): readonly [number, number] => [
    (box?.x ?? 0) + x + 16 * Math.cos(angle),
    (box?.y ?? 0) + y + 16 * Math.sin(angle),
  ];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let angle = 0; angle < 6.3; angle += 0.4) await page.mouse.move(...at(angle));
  await page.mouse.up();
}

describe('a replay', () => {
  let run: Outcome;
  beforeAll(async () => {
    run = await runCase('memory', { spec: specOf(network) });
  });

  test('plays by itself for those who want motion', async () => {
    await replaying(
      run,
      async ({ page }) => {
        await reaches(page, 9);
        await page.getByRole('button', { name: 'Pause' }).click();
        const split = await positionsIn(page);
        expect(sideOf(split, 'full-0')).toBeDefined();
      },
      { motion: true },
    );
  });

  test('goes to any moment, and back', async () => {
    await replaying(run, async ({ page }) => {
      const moment = page.getByRole('slider', { name: 'Moment' });
      const index = (seconds: number) => String(run.history.findIndex(({ t }) => t >= seconds));
      await moment.fill(index(8));
      const split = await positionsIn(page);
      expect(sideOf(split, 'full-0')).not.toBe(sideOf(split, 'miner-0'));
      await moment.fill(String(run.history.length - 1));
      expect(await text(page, '#phase')).toBe('failed');
      expect(await statuses(page)).toEqual(['passed', 'failed', 'passed']);
      await moment.fill(index(1));
      expect(await statuses(page)).toEqual(['pending', 'pending', 'pending']);
      await page.getByRole('button', { name: 'Play' }).click();
      await reaches(page, 4);
    });
  });

  test('is usable by keyboard alone', async () => {
    await replaying(run, async ({ page }) => {
      for (let tabs = 0; tabs < 10; tabs += 1) {
        if ((await page.evaluate<string>('document.activeElement.id')) === 'graph') break;
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('ArrowRight');
      expect(await text(page, '#detail')).toContain('boot-0');
      await page.keyboard.press('ArrowRight');
      expect(await text(page, '#detail')).toContain('boot-1');
      await page.waitForSelector('.log:has-text("boot-1 says hello")');
      await page.keyboard.press('Escape');
      expect(await page.locator('#detail').count()).toBe(0);
    });
  });

  test('finds nodes, and shows one in depth', async () => {
    await replaying(run, async ({ page }) => {
      await page.getByRole('searchbox').fill('adversary');
      await expect.poll(() => page.locator('.nodes li').count()).toBe(3);
      await page.getByRole('searchbox').fill('full-5');
      await page.getByRole('button', { name: /^full-5/ }).click();
      expect(await text(page, '.facts')).toContain('10.64.');
      expect(await page.locator('.detail .plot').count()).toBeGreaterThan(1);
      expect(await page.locator('.peers button').count()).toBeGreaterThan(1);
    });
  });

  test.each([390, 320])('does not scroll sideways on a phone of %d pixels', async (width) => {
    await replaying(
      run,
      async ({ page }) => {
        await page.getByRole('button', { name: /^full-5/ }).click();
        await positionsIn(page);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      },
      { width, height: 780 },
    );
  });

  test('is dark for those who want it so', async () => {
    const ground = async ({ page }: OpenPage) =>
      await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const grounds: string[] = [];
    for (const dark of [false, true]) {
      await replaying(run, async (open) => void grounds.push(await ground(open)), { dark });
    }
    const [light = 0, dark = 0] = grounds.map((rgb) => Number(/\d+/.exec(rgb)?.[0]));
    expect(light).toBeGreaterThan(200);
    expect(dark).toBeLessThan(50);
  });
});
