// The fabric alone: empty nodes up and down, and a cut of all of them; beside Mininet from Debian
// doing the same, where it is installed (packages mininet, bridge-utils and iptables, as root).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { nodeName } from '../../src/names.ts';
import { openFabric } from '../../src/runtime/fabric/fabric.ts';
import type { BenchResult } from './result.ts';

type Times = { readonly up: number; readonly split: number; readonly down: number };

/** Between up and cut, here and there: what the start has set going is over. */
const restMs = 1_000;

const seconds = (value: number) => Math.round(value) / 1_000;

/** Seconds to bring empty nodes up, to cut them in two, and to bring them down. */
export async function benchFabric(): Promise<BenchResult[]> {
  const small = await measureFabric(200);
  const large = await measureFabric(1_000);
  return [
    { name: '200 empty nodes up', unit: 's', value: seconds(small.up), most: 2 },
    { name: '200 empty nodes: cut in two', unit: 's', value: seconds(small.split) },
    { name: '200 empty nodes down', unit: 's', value: seconds(small.down) },
    { name: '1000 empty nodes up', unit: 's', value: seconds(large.up), most: 15 },
    { name: '1000 empty nodes: cut in two', unit: 's', value: seconds(large.split) },
    { name: '1000 empty nodes down', unit: 's', value: seconds(large.down) },
    ...(await besideMininet(small)),
  ];
}

/** In namespaces of its own, as `peerstorm up` makes them; down is the end of its process. */
async function measureFabric(count: number): Promise<Times> {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const namespaces = ['--net', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn(
    'unshare',
    [...user, ...namespaces, process.execPath, import.meta.filename, String(count)],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  const [message] = await once(child, 'message');
  const { up, split }: Times = JSON.parse(String(message));
  const start = performance.now();
  child.kill('SIGKILL');
  await once(child, 'exit');
  return { up, split, down: performance.now() - start };
}

async function inside(count: number): Promise<void> {
  const signal = new AbortController().signal;
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: nodeName('n', index),
    address: `10.64.${Math.floor(index / 250)}.${(index % 250) + 1}`,
  }));
  const start = performance.now();
  const fabric = await openFabric({ packets: 'mtu', leaseSeconds: 30, signal });
  await fabric.add(nodes);
  const up = performance.now() - start;
  const names = nodes.map(({ name }) => name);
  const sides = [names.slice(0, count / 2), names.slice(count / 2)];
  const [one = [], other = []] = sides;
  await wait(restMs);
  const now = Date.now() - 1;
  const impairment = { kind: 'drop' } as const;
  const begin = Date.now();
  await fabric.enforce({
    generation: 1,
    leaseSeconds: 30,
    base: [],
    effects: [
      { fault: 'cut', from: one, to: other, impairment, start: now },
      { fault: 'cut', from: other, to: one, impairment, start: now },
    ],
  });
  // When the kernel had it; what follows is reading it back.
  const { enforcedAt = Number.NaN } = fabric.enforcement().faults['cut'] ?? {};
  process.send?.(JSON.stringify({ up, split: enforcedAt - begin }));
}

// One bridge, one rule in each host: the least that Mininet's users write for this.
const mininet = `
import json, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo
start = time.time()
net = Mininet(topo=SingleSwitchTopo(200), switch=LinuxBridge, controller=None)
net.start()
up = time.time() - start
time.sleep(${restMs / 1_000})
start = time.time()
for index, host in enumerate(net.hosts):
    other = '10.0.0.101-10.0.0.200' if index < 100 else '10.0.0.1-10.0.0.100'
    host.cmd('iptables -A INPUT -m iprange --src-range ' + other + ' -j DROP')
split = time.time() - start
start = time.time()
net.stop()
print(json.dumps({'up': 1000 * up, 'split': 1000 * split, 'down': 1000 * (time.time() - start)}))
`;

async function besideMininet(ours: Times): Promise<BenchResult[]> {
  if (!existsSync('/usr/bin/mn') || process.getuid?.() !== 0) {
    process.stderr.write('left out: Mininet is not installed, or this is not root\n');
    return [];
  }
  const child = spawn('/usr/bin/python3', ['-c', mininet], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const theirs: Times = JSON.parse(await text(child.stdout));
  const ratio = (one: number, other: number) => Math.round((10 * one) / other) / 10;
  return [
    { name: 'Mininet: 200 hosts up', unit: 's', value: seconds(theirs.up) },
    { name: 'Mininet: 200 hosts cut in two', unit: 's', value: seconds(theirs.split) },
    { name: 'Mininet: 200 hosts down', unit: 's', value: seconds(theirs.down) },
    { name: '200 up: times faster', unit: 'x', value: ratio(theirs.up, ours.up), least: 3 },
    { name: '200 cut: times faster', unit: 'x', value: ratio(theirs.split, ours.split), least: 20 },
  ];
}

if (import.meta.main) await inside(Number(process.argv[2]));
