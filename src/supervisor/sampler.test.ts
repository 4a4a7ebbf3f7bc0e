import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { epoch, healthy, scriptedPlan, splitFault } from '../../test/scripted.ts';
import { initialState } from '../decide/decide.ts';
import { kinds } from '../kinds/index.ts';
import { nodeName } from '../names.ts';
import { targetsOf } from '../observe/targets.ts';
import type { HistoryLine } from '../report/history.ts';
import type { NodeWorld, World } from '../runtime/runtime.ts';
import { type Journal, openJournal } from './journal.ts';
import { createSampler, type SampledRun } from './sampler.ts';

const base = scriptedPlan(4);
const cut = splitFault(base, { name: 'cut', startMs: 2_000, endMs: 5_000, size: 2 });
const plan = { ...base, faults: [cut] };
const names = plan.nodes.map(({ name }) => name);
const targets = targetsOf(plan, { kinds, dataDirectory: (node) => node });
const running: NodeWorld = { incarnation: 0, phase: 'running', addresses: [], startedAt: epoch };

function worldWith(faults: World['enforcement'][number]['faults']): World {
  const host = { host: 'h', generation: 1, appliedAt: epoch, counters: {}, lapsedPackets: 0 };
  return {
    nodes: new Map(names.map((name) => [name, running])),
    enforcement: [{ ...host, faults }],
  };
}

let folder: string;
let journal: Journal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sampler-'));
  journal = openJournal(folder);
});
afterEach(() => {
  journal[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const runAt = (parts: Partial<SampledRun> = {}): SampledRun => ({
  state: { ...initialState(plan), t0: epoch },
  plan,
  world: worldWith({}),
  ready: new Set(names),
  journal,
  ...parts,
});

describe('a sampler', () => {
  test('draws one sample per interval, from time 0 on, and writes each down', () => {
    const sampler = createSampler(targets);
    expect(sampler.draw(runAt({ state: initialState(plan) }), epoch + 5_000)).toBeUndefined();
    for (const node of names) {
      sampler.record(node, { at: epoch, observation: healthy(plan) });
    }
    const drawn = [0, 200, 999, 1_000, 1_400, 3_100, 3_900].map(
      (ms) => sampler.draw(runAt(), epoch + ms)?.t,
    );
    expect(drawn).toEqual([0, undefined, undefined, 1_000, undefined, 3_100, undefined]);
    expect(sampler.sample?.t).toBe(3_100);
    const lines = readFileSync(join(folder, 'samples.jsonl'), 'utf8').trimEnd().split('\n');
    const history = lines.map((line) => JSON.parse(line) as HistoryLine);
    expect(history.map(({ t }) => t)).toEqual([0, 1, 3.1]);
  });

  test('sees the network as it is cut at that moment', () => {
    const sampler = createSampler(targets);
    const components = (ms: number, world: World) => {
      for (const node of names) {
        sampler.record(node, { at: epoch + ms, observation: healthy(plan) });
      }
      return sampler.draw(runAt({ world }), epoch + ms)?.network.components;
    };
    const enforcedAt = epoch + 2_000;
    expect(components(1_000, worldWith({}))).toBe(1);
    expect(components(2_500, worldWith({ cut: { enforcedAt } }))).toBe(2);
    const healedAt = epoch + 5_000;
    expect(components(5_500, worldWith({ cut: { enforcedAt, healedAt } }))).toBe(1);
  });

  test('knows who has a peer; where nobody can be asked that is no question', () => {
    const [first, second] = names;
    if (first === undefined || second === undefined) throw new TypeError('two nodes');
    const sampler = createSampler(targets);
    expect(sampler.hasPeer(first)).toBe(false);
    sampler.record(first, { at: epoch, observation: healthy(plan) });
    sampler.record(second, { at: epoch, observation: healthy(plan, { peers: [] }) });
    expect([sampler.hasPeer(first), sampler.hasPeer(second)]).toEqual([true, false]);
    expect(sampler.answer(first)?.at).toBe(epoch);
    const mute = new Map(
      [...targets].map(([name, target]) => {
        const kind = { ...target.kind, observe: () => [] };
        return [name, { ...target, kind }];
      }),
    );
    expect(createSampler(mute).hasPeer(nodeName('full', 0))).toBe(true);
  });
});

test('unheard is who would be missing in a sample that is drawn soon', () => {
  const sampler = createSampler(targets);
  const [first, ...others] = names;
  if (first === undefined) throw new TypeError('no node');
  const unheard = (ms: number) =>
    sampler.unheard({ ...runAt(), readySince: undefined }, epoch + ms);
  expect(unheard(0)).toEqual(names);
  sampler.record(first, { at: epoch, observation: healthy(plan) });
  expect(unheard(0)).toEqual(others);
  for (const node of others)
    sampler.record(node, { at: epoch + 1_000, observation: healthy(plan) });
  expect(unheard(1_000)).toEqual([]);
  // It still counts now, but not for long.
  expect(unheard(1_900)).toEqual([first]);
  const afterwards = { ...runAt(), readySince: epoch + 500 };
  expect(sampler.unheard(afterwards, epoch + 1_000)).toEqual([first]);
});

test('times of propagation from all answers since the sample before count, each once', () => {
  const sampler = createSampler(targets);
  const [node] = names;
  if (node === undefined) throw new TypeError('no node');
  const hear = (ms: number, propagationSeconds: readonly number[]) =>
    sampler.record(node, { at: epoch + ms, observation: healthy(plan, { propagationSeconds }) });
  const drawn = (ms: number) =>
    sampler.draw(runAt(), epoch + ms)?.nodes.get(node)?.metrics['propagation_seconds'];
  hear(100, [8, 9]);
  hear(900, [1]);
  expect(drawn(1_000)).toBe(8);
  hear(1_900, [2]);
  expect(drawn(2_000)).toBe(2);
  hear(2_900, []);
  expect(drawn(3_000)).toBeUndefined();
});
