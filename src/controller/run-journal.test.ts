import { expect, test } from 'vitest';
import type { HistoryLine } from '../report/history.ts';
import { memoryServer } from '../runtime/kubernetes/memory-api.ts';
import { apiVersion } from '../runtime/kubernetes/objects.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { openRunJournal } from './run-journal.ts';

const never = new AbortController().signal;

function journal() {
  const owner = {
    apiVersion,
    kind: 'Testnet',
    metadata: { name: 'net', namespace: 'storms' },
    spec: {},
  } as const;
  const api = memoryServer().client('controller');
  const clock = virtualClock(0);
  return openRunJournal({ api, clock, owner, onFailure: () => undefined }, undefined, never);
}

function sampleOf(nodes: number, t: number): HistoryLine {
  const metrics = { height: t };
  const each = Array.from({ length: nodes }, (_, at) => [`full-${at}`, metrics] as const);
  return { t, network: {}, nodes: Object.fromEntries(each), tips: {} };
}

test.each([
  [10, 180],
  [300, 180],
  [1_000, 60],
  [5_000, 12],
])('of samples of %i nodes the newest %i are kept whole', (nodes, kept) => {
  const { sample, samplesAfter } = journal();
  const line = sampleOf(nodes, 0);
  for (let t = 0; t < 200; t += 1) sample({ ...line, t });
  expect(samplesAfter(-1).map(({ t }) => t)).toEqual(
    Array.from({ length: kept }, (_, at) => 200 - kept + at),
  );
});
