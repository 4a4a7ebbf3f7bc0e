// `npm run screenshots [FOLDER]`: the pictures of docs/watching.md, of runs on the memory runtime.
// To be looked at: whether they are good no test can say.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { findPage } from '../../src/cli/page-bundle.ts';
import { type Outcome, runCase } from '../compliance/harness.ts';
import { type Look, openBrowser, openPageAt, positionsIn } from './browser.ts';
import { serveReplay } from './replay.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = process.argv[2] ?? join(root, 'docs', 'images');

type Picture = Look & {
  readonly name: string;
  readonly run: Outcome;
  /** Seconds from time 0; absent: the end. */
  readonly at?: number;
  readonly before?: (page: Page) => Promise<void>;
};

const runOf = async (spec: string) => await runCase('memory', { spec });
const example = (name: string) => readFile(join(root, 'examples', `${name}.yaml`), 'utf8');
const split = await runOf(await example('split-and-heal'));
const eclipse = await runOf(await example('eclipse'));
const large = await runOf(`
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: three-hundred }
spec:
  network: { regions: [{ name: eu }, { name: us }, { name: ap }] }
  groups:
    - { name: boot, count: 3, kind: reference, bootstrap: true }
    - { name: miner, count: 27, kind: reference, role: miner, config: { blockInterval: 4s } }
    - { name: full, count: 270, kind: reference }
  topology: { model: random-regular, degree: 14 }
  faults:
    - name: split
      at: 10s
      for: 20s
      partition: { sides: [{ region: eu }, { region: us }, { region: ap }] }
  expect:
    - { name: in three parts, during: split, settle: 3s, metric: components, is: "== 3" }
    - { name: one network again, after: split, within: 20s, metric: components, is: "== 1" }
`);

const desktop = { width: 1280, height: 800 };
const pictures: readonly Picture[] = [
  { name: 'page', run: split, ...desktop },
  { name: 'page-split', run: split, at: 20, ...desktop },
  {
    name: 'page-eclipse',
    run: eclipse,
    at: 18,
    dark: true,
    ...desktop,
    before: async (page) => {
      await page.getByRole('button', { name: /^full-3/ }).click();
    },
  },
  { name: 'page-300', run: large, at: 24, ...desktop },
  { name: 'page-phone', run: split, at: 20, width: 390, height: 844 },
];

await mkdir(folder, { recursive: true });
const files = await findPage(() => undefined);
const browser = await openBrowser();
try {
  for (const picture of pictures) await take(picture);
} finally {
  await browser.close();
}

async function take({ name, run, at, before, ...look }: Picture): Promise<void> {
  await using server = await serveReplay(run, files);
  await using open = await openPageAt(browser, server.url, look);
  const { page } = open;
  const last = run.history.length - 1;
  const index = at === undefined ? last : run.history.findIndex(({ t }) => t >= at);
  // What was before is on the way to it, as for whoever looks on.
  const slider = page.getByRole('slider', { name: 'Moment' });
  for (const step of [0, index]) {
    await slider.fill(String(step));
    await positionsIn(page);
  }
  await before?.(page);
  await positionsIn(page);
  await page.evaluate('document.activeElement.blur()');
  await page.screenshot({ path: join(folder, `${name}.png`) });
  process.stderr.write(`${name}.png\n`);
}
