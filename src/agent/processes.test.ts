import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openProcessTable } from './processes.ts';

const [pod, other] = [
  '0b6a1a4e-0000-4000-8000-000000000001',
  '0b6a1a4e-0000-4000-8000-000000000002',
];
const container = 'c'.repeat(64);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peerstorm-proc-'));
});
afterEach(() => rmSync(root, { recursive: true }));

type Shown = { readonly command: string; readonly startTicks: number; readonly cgroup: string };

function show(pid: number, { command, startTicks, cgroup }: Shown): void {
  const folder = join(root, `${pid}`);
  mkdirSync(folder, { recursive: true });
  const fields = ['S', ...Array.from({ length: 18 }, () => '0'), `${startTicks}`, '0'];
  writeFileSync(join(folder, 'stat'), `${pid} (${command}) ${fields.join(' ')}\n`);
  writeFileSync(join(folder, 'cgroup'), `0::${cgroup}\n`);
}

const within = (uid: string) => `/kubepods/burstable/pod${uid}/${container}`;

test('a process is known by the pod it is moved to, and by what it runs then', () => {
  const table = openProcessTable(root);
  show(7, { command: 'runc', startTicks: 5, cgroup: '/system.slice/containerd.service' });
  expect(table.glance()).toEqual([]);
  show(7, { command: 'runc:[2:INIT]', startTicks: 5, cgroup: within(pod) });
  expect(table.glance()).toMatchObject([{ pid: 7, pod, container, command: 'runc:[2:INIT]' }]);
  show(7, { command: 'pause', startTicks: 5, cgroup: within(pod) });
  expect(table.glance()).toMatchObject([{ pid: 7, pod, container, command: 'pause' }]);
});

test('a number that is used again is another process', () => {
  const table = openProcessTable(root);
  show(7, { command: 'pause', startTicks: 5, cgroup: within(pod) });
  const [first] = table.glance();
  show(7, { command: 'pause', startTicks: 9, cgroup: within(other) });
  expect(first && table.stat(first)).toBeUndefined();
  expect(table.glance()).toMatchObject([{ pid: 7, pod: other, startTicks: 9 }]);
  rmSync(join(root, '7'), { recursive: true });
  expect(table.glance()).toEqual([]);
});

test('the oldest process of a pod comes first', () => {
  const table = openProcessTable(root);
  show(7, { command: 'node', startTicks: 9, cgroup: within(pod) });
  show(8, { command: 'pause', startTicks: 5, cgroup: within(pod) });
  expect(table.scan().map(({ pid }) => pid)).toEqual([8, 7]);
});
