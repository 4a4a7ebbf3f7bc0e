// The start of a network, faults of nodes, and nodes that die by themselves.
import { expect } from 'vitest';
import type { Report } from '../../src/report/result.ts';
import type { Case } from './cases.ts';
import type { Outcome } from './harness.ts';
import { fourMiners, fourNodes, passed, plain, specOf, untilElapsed, verdictOf } from './spec.ts';

const stateOf = ({ nodes }: Report, name: string) => nodes.find((node) => node.name === name);
const eventsOf = ({ timeline }: Outcome) => timeline.map(({ event }) => event);
const heights = ({ history }: Outcome, node: string) =>
  history.flatMap(({ t, nodes }) => {
    const height = nodes[node]?.['node_height'];
    return height === undefined ? [] : [{ t, height }];
  });

export const nodeCases: readonly Case[] = [
  {
    name: 'nodes start in waves, and time 0 is when all are ready and have peers',
    smoke: true,
    check: async (run) => {
      let looks = 0;
      const early: string[] = [];
      const outcome = await run({
        spec: specOf({
          more: 'duration: 2s',
          expect: `
          - { name: all answer, at: 1s, metric: nodes_answering, is: "== 4" }
          - { name: all are ready, always: true, metric: nodes_ready, is: "== 4" }
          - { name: all have peers, always: true, metric: node_peers, of: {}, is: ">= 1" }`,
        }),
        during: async ({ session, sleep }) => {
          for (let phase = 'starting'; phase === 'starting'; await sleep(50)) {
            const nodes = await session.nodes();
            const others = nodes.filter(({ name }) => name !== 'boot-0');
            const status = await session.status();
            ({ phase } = status);
            // Still the first: so it was when the nodes were looked at.
            if (status.wave?.index !== 0) continue;
            looks += 1;
            early.push(...others.filter(({ state }) => state !== 'absent').map((n) => n.name));
          }
        },
      });
      expect(verdictOf(outcome.report)).toEqual(passed);
      expect(looks).toBeGreaterThan(0);
      expect(early).toEqual([]);
      expect(eventsOf(outcome).filter((event) => event === 'wave' || event === 'ready')).toEqual([
        'wave',
        'ready',
      ]);
      expect(outcome.history[0]?.t).toBeLessThan(1);
      expect(outcome.history[0]?.network).toMatchObject({ nodes_ready: 4, components: 1 });
    },
  },
  {
    name: 'bootstrap nodes that only later ones dial do not hold up the start',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: `
          - { name: boot, count: 2, kind: reference, bootstrap: true, ${plain} }
          - { name: full, count: 2, kind: reference, ${plain} }`,
          topology:
            '{ model: edges, edges: [[full-0, boot-0], [full-1, boot-1], [full-0, full-1]] }',
          more: 'duration: 6s',
          // A node is ready with its first peer, so the last dial may come about after time 0.
          expect: `
          - { name: never more than told, always: true, metric: node_peers, of: {}, aggregate: sum, is: "<= 6" }
          - { name: as told, at: 5s, metric: node_peers, of: {}, aggregate: sum, is: "== 6" }
          - { name: all have peers, always: true, metric: node_peers, of: {}, is: ">= 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
    },
  },
  {
    name: '`at` counts from time 0',
    check: async (run) => {
      const { report, timeline } = await run({
        spec: specOf({
          faults: `
          - { name: cut, at: 3s, for: 2s, partition: { sides: [{ group: boot }] } }`,
          expect: `
          - { name: not yet, at: 2s, metric: components, is: "== 1" }
          - { name: now, at: 4s, metric: components, is: "== 2" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      const ready = timeline.find(({ event }) => event === 'ready');
      const enforced = timeline.find(({ event }) => event === 'fault-enforced');
      expect([ready?.t, report.faults[0]?.planned.start]).toEqual([0, 3]);
      expect(enforced?.t).toBeGreaterThanOrEqual(3);
      expect(report.faults[0]?.actual.start).toBeLessThan(4);
    },
  },
  {
    name: 'a killed node is gone and no longer expected',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: die, at: 3s, kill: { targets: { node: full-1 } } }`,
          expect: `
          - { name: before, at: 2s, metric: nodes_answering, is: "== 4" }
          - { name: one less, after: die, within: 10s, metric: nodes_answering, is: "== 3" }
          - { name: nobody is missed, always: true, metric: node_peers, of: {}, is: ">= 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(report.faults[0]).toMatchObject({ name: 'die', kind: 'kill', proved: true });
      expect(stateOf(report, 'full-1')).toMatchObject({ state: 'exited', restarts: 0 });
    },
  },
  {
    name: 'a paused node does not answer, then answers again, and catches up',
    check: async (run) => {
      const outcome = await run({
        spec: specOf({
          groups: fourMiners,
          faults: `
          - { name: freeze, at: 3s, for: 6s, pause: { targets: { node: full-1 } } }`,
          expect: `
          - { name: silent, during: freeze, settle: 3s, stays: 1s, metric: nodes_answering, is: "== 3" }
          - { name: back, after: freeze, within: 10s, metric: nodes_answering, is: "== 4" }
          - { name: caught up, after: freeze, within: 15s, stays: 1s, metric: height_spread, is: "<= 2" }`,
        }),
      });
      const { report } = outcome;
      expect(verdictOf(report)).toEqual(passed);
      expect(report.faults[0]).toMatchObject({ kind: 'pause', proved: true });
      const seen = heights(outcome, 'full-1');
      const before = seen.findLast(({ t }) => t < 3)?.height ?? 0;
      expect(before).toBeGreaterThan(0);
      expect(seen.at(-1)?.height).toBeGreaterThan(before);
      expect(stateOf(report, 'full-1')).toMatchObject({ restarts: 0 });
    },
  },
  {
    name: 'a restarted node is a new process on the old data',
    smoke: true,
    check: async (run) => {
      const outcome = await run({
        spec: specOf({
          groups: `
          - { name: boot, count: 1, kind: reference, role: miner, bootstrap: true, config: { encryption: plaintext, blockInterval: 500ms } }
          - { name: full, count: 2, kind: reference, config: { encryption: plaintext, blockInterval: 500ms } }`,
          faults: `
          - { name: again, at: 4s, restart: { targets: { node: full-0 }, downtime: 3s } }`,
          expect: `
          - { name: down, during: again, stays: 1s, metric: nodes_answering, is: "== 2" }
          - { name: up, after: again, within: 10s, metric: nodes_answering, is: "== 3" }
          - { name: has peers, after: again, within: 20s, metric: node_peers, of: { node: full-0 }, is: ">= 1" }`,
        }),
      });
      const { report } = outcome;
      expect(verdictOf(report)).toEqual(passed);
      const [again] = report.faults;
      expect(again).toMatchObject({ kind: 'restart', proved: true });
      expect((again?.actual.end ?? 0) - (again?.actual.start ?? 0)).toBeGreaterThanOrEqual(3);
      expect(stateOf(report, 'full-0')).toMatchObject({ restarts: 1 });
      const seen = heights(outcome, 'full-0').map(({ height }) => height);
      expect(seen[0]).toBeDefined();
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    },
  },
  {
    name: 'a fault follows a node that is restarted under it',
    check: async (run) => {
      const outcome = await run({
        spec: specOf({
          groups: `
          - { name: boot, count: 1, kind: reference, role: miner, bootstrap: true, config: { encryption: plaintext, blockInterval: 500ms } }
          - { name: full, count: 2, kind: reference, config: { encryption: plaintext, blockInterval: 500ms } }`,
          faults: `
          - { name: cut, at: 3s, for: 14s, partition: { sides: [{ node: full-0 }] } }
          - { name: again, at: 5s, restart: { targets: { node: full-0 } } }`,
          expect: `
          - { name: cut before, at: 4s, metric: components, is: "== 2" }
          - { name: cut after, at: 16s, metric: components, is: "== 2" }
          - { name: no peer, at: 16s, metric: node_peers, of: { node: full-0 }, is: "== 0" }
          - { name: peers, after: cut, within: 30s, metric: node_peers, of: { node: full-0 }, is: ">= 1" }`,
        }),
      });
      const { report } = outcome;
      expect(verdictOf(report)).toEqual(passed);
      expect(report.faults.map(({ name, proved }) => [name, proved])).toEqual([
        ['cut', true],
        ['again', true],
      ]);
      // Nobody could tell it of blocks: what it has in its second life is what it had kept.
      const cut = heights(outcome, 'full-0').filter(({ t }) => t > 3.5 && t < 17);
      expect(new Set(cut.map(({ height }) => height)).size).toBe(1);
      expect(cut[0]?.height).toBeGreaterThan(0);
    },
  },
  {
    name: 'a node that dies by itself after time 0 fails the run, which goes on to its end',
    check: async (run, runtime) => {
      const { report } = await run({
        spec: specOf({
          more: 'duration: 8s',
          expect: `
          - { name: the others, at: 7s, metric: nodes_answering, is: "== 3" }`,
        }),
        during: async (world) => {
          await untilElapsed(world, 2);
          await world.crash('full-1');
        },
      });
      expect(report).toMatchObject({ exitCode: 1, verdict: 'failed' });
      expect(report.problems).toHaveLength(1);
      const [, at] = /^full-1 ended by itself .* at ([\d.]+)s/.exec(report.problems[0] ?? '') ?? [];
      expect(Number(at)).toBeGreaterThanOrEqual(2);
      expect(Number(at)).toBeLessThan(8);
      // With the last lines of its log.
      if (runtime === 'local') expect(report.problems[0]).toMatch(/last:\n.*"message":"started"/);
      expect(report.expectations[0]?.status).toBe('passed');
      expect(report.durationSeconds).toBeGreaterThanOrEqual(7);
    },
  },
  {
    name: 'restartPolicy always brings a dead node back, and the run passes',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: `
          - { name: boot, count: 1, kind: reference, bootstrap: true, ${plain} }
          - { name: full, count: 2, kind: reference, restartPolicy: always, ${plain} }`,
          expect: `
          - { name: all are back, at: 15s, metric: nodes_ready, is: "== 3" }`,
        }),
        during: async (world) => {
          await untilElapsed(world, 2);
          await world.crash('full-1');
        },
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(stateOf(report, 'full-1')).toMatchObject({ restarts: 1 });
    },
  },
  {
    name: 'a node that dies before time 0 ends the run with exit 3',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({ groups: fourNodes, more: 'duration: 20s' }),
        during: async ({ session, sleep, crash }) => {
          const up = async () => (await session.nodes()).some((n) => n.state === 'running');
          while (!(await up())) await sleep(20);
          await crash('boot-0');
        },
      });
      expect(report).toMatchObject({ exitCode: 3, verdict: 'error' });
      expect(report.readySeconds).toBeUndefined();
      expect(report.problems[0]).toMatch(/^boot-0 ended .* before the network was ready/);
    },
  },
  {
    name: 'a program that exits at once ends the run with exit 3 and its last words',
    on: ['local'],
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: `
          - name: brief
            count: 2
            kind: custom
            config:
              argv: [sh, -c, 'echo no such thing as {{name}} >&2; exit 7']
              ready: { log: ready }`,
          topology: '{ model: none }',
          more: 'duration: 5s',
        }),
      });
      expect(report).toMatchObject({ exitCode: 3, verdict: 'error' });
      expect(report.problems.join('\n')).toMatch(
        /brief-\d ended with status 7 before the network was ready.*\n.*no such thing as brief-\d/,
      );
    },
  },
];
