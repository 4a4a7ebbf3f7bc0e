import { describe, expect, test } from 'vitest';
import type { ScheduledEffect } from '../../faults/effect.ts';
import { type NodeName, nodeName } from '../../names.ts';
import { hashHex, randomOf } from '../../random.ts';
import { simulatedLinks } from './links.ts';
import { type Block, type NodeSettings, SimulatedNode } from './simulated-node.ts';
import { virtualClock } from './virtual-clock.ts';

type Seen = {
  readonly peers: { address: string; direction: string }[];
  readonly height: number;
  readonly tip: string;
  readonly ancestors: string[];
  readonly reorgs: { count: number; depths: number[] };
};

/** Nodes that all know each other; the first of a pair dials. */
function network(count: number, parts: (index: number) => Partial<NodeSettings> = () => ({})) {
  const clock = virtualClock(0);
  const random = randomOf(1, 'test');
  const links = simulatedLinks(clock, random, () => {});
  const names = Array.from({ length: count }, (_, index) => nodeName('full', index));
  const nodes = new Map<NodeName, SimulatedNode>();
  const genesis: Block = { hash: hashHex('genesis'), height: 0 };
  names.forEach((name, index) => {
    const settings: NodeSettings = {
      name,
      address: `10.64.0.${index}`,
      role: 'full',
      candidates: names.slice(index + 1),
      outboundPeers: count,
      ...parts(index),
    };
    nodes.set(name, new SimulatedNode(settings, { clock, links, random, nodes, genesis }));
  });
  const at = (index: number): SimulatedNode => {
    const node = nodes.get(nodeName('full', index));
    if (node === undefined) throw new TypeError(`no node ${index}`);
    return node;
  };
  for (const node of nodes.values()) node.start();
  let generation = 0;
  return {
    at,
    pass: (ms: number) => clock.run(clock.sleep(ms)),
    look: (index: number): Seen | undefined => {
      const reply = at(index).answer({ type: 'http', port: 1, path: '/observation' });
      return reply === undefined ? undefined : (JSON.parse(reply.body) as Seen);
    },
    cut: (side: readonly number[], kind: 'drop' | 'reject' = 'drop') => {
      const from = side.map((index) => nodeName('full', index));
      const to = names.filter((name) => !from.includes(name));
      const start = clock.now();
      const effect = (a: readonly NodeName[], b: readonly NodeName[]): ScheduledEffect => ({
        fault: 'cut',
        from: a,
        to: b,
        impairment: { kind },
        start,
      });
      generation += 1;
      const effects = [effect(from, to), effect(to, from)];
      links.enforce({ generation, leaseSeconds: 10, base: [], effects });
    },
    heal: () => {
      generation += 1;
      links.enforce({ generation, leaseSeconds: 10, base: [], effects: [] });
    },
  };
}

describe('simulated nodes', () => {
  test('are silent until they have started, then find their peers', async () => {
    const net = network(3);
    await net.pass(200);
    expect(net.look(0)).toBeUndefined();
    await net.pass(2_000);
    expect([0, 1, 2].map((index) => net.look(index)?.peers.map((p) => p.direction))).toEqual([
      ['outbound', 'outbound'],
      ['inbound', 'outbound'],
      ['inbound', 'inbound'],
    ]);
  });

  test('agree on one chain, and on the longest after a cut: the other side reorganises', async () => {
    const net = network(4, (index) => (index % 2 === 0 ? { blockMs: 2_000 } : {}));
    await net.pass(30_000);
    expect(new Set([0, 1, 2, 3].map((index) => net.look(index)?.tip)).size).toBe(1);
    net.cut([0, 1]);
    await net.pass(10_000);
    expect(net.look(0)?.tip).toBe(net.look(1)?.tip);
    expect(net.look(0)?.tip).not.toBe(net.look(2)?.tip);
    net.heal();
    await net.pass(30_000);
    expect(new Set([0, 1, 2, 3].map((index) => net.look(index)?.tip)).size).toBe(1);
    const depths = [0, 2].map((index) => Math.max(0, ...(net.look(index)?.reorgs.depths ?? [])));
    expect(Math.max(...depths)).toBeGreaterThan(1);
    expect(net.look(1)?.ancestors[0]).toBe(net.look(1)?.tip);
  });

  test('keep a silent peer for three pings, and lose a rejecting one at once', async () => {
    const net = network(2);
    await net.pass(2_000);
    net.cut([0]);
    await net.pass(10_000);
    expect(net.look(0)?.peers).toHaveLength(1);
    await net.pass(15_000);
    expect(net.look(0)?.peers).toHaveLength(0);
    net.heal();
    await net.pass(5_000);
    expect(net.look(0)?.peers).toHaveLength(1);
    net.cut([0], 'reject');
    await net.pass(6_000);
    expect(net.look(0)?.peers).toHaveLength(0);
  });

  test('that are adversaries have peers and relay no blocks', async () => {
    // 0 mines, 1 is the only way from it to 2.
    const net = network(3, (index) => ({
      ...(index === 0 ? { blockMs: 1_000, candidates: [nodeName('full', 1)] } : {}),
      ...(index === 1 ? { role: 'adversary' as const } : {}),
    }));
    await net.pass(30_000);
    expect(net.look(2)?.peers).toHaveLength(1);
    expect(net.look(0)?.height).toBeGreaterThan(5);
    expect(net.look(2)?.height).toBe(0);
  });

  test('do nothing while paused, and go on where they were', async () => {
    const net = network(2, () => ({ blockMs: 1_000 }));
    await net.pass(10_000);
    net.at(1).pause();
    const before = net.look(0)?.height ?? 0;
    expect(net.look(1)).toBeUndefined();
    await net.pass(10_000);
    net.at(1).resume();
    await net.pass(5_000);
    expect(net.look(1)?.height).toBeGreaterThan(before);
    expect(net.look(1)?.tip).toBe(net.look(0)?.tip);
  });

  test('keep their chain over a restart, and no peers', async () => {
    const net = network(2, (index) => (index === 0 ? { blockMs: 1_000 } : {}));
    await net.pass(10_000);
    const { height = 0 } = net.look(1) ?? {};
    expect(height).toBeGreaterThan(0);
    net.cut([0]);
    net.at(1).exit();
    await net.pass(5_000);
    expect(net.look(1)).toBeUndefined();
    net.at(1).start();
    await net.pass(1_000);
    expect(net.look(1)).toMatchObject({ height, peers: [] });
  });
});
