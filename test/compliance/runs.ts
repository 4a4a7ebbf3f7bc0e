// How runs end: every exit status, claims of all kinds, faults that a user adds, the lease.
import { expect } from 'vitest';
import type { Report } from '../../src/report/result.ts';
import { faultDocument } from '../../src/spec/schema.ts';
import type { Case } from './cases.ts';
import { fourMiners, passed, specOf, untilElapsed, verdictOf } from './spec.ts';

const claims = ({ expectations }: Report) =>
  Object.fromEntries(expectations.map(({ name, status }) => [name, status]));
const reasonOf = ({ expectations }: Report, wanted: string) =>
  expectations.find(({ name }) => name === wanted)?.reason;

export const runCases: readonly Case[] = [
  {
    name: 'exit 1 when a claim does not hold, and the others are still judged',
    smoke: true,
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          expect: `
          - { name: false, at: 1s, metric: components, is: "== 2" }
          - { name: "true", at: 3s, metric: components, is: "== 1" }`.replace('false', '"false"'),
        }),
      });
      expect(report).toMatchObject({ exitCode: 1, verdict: 'failed' });
      expect(claims(report)).toEqual({ false: 'failed', true: 'passed' });
      expect(reasonOf(report, 'false')).toMatch(/components == 2/);
    },
  },
  {
    name: '--fail-fast ends the run at the first claim that fails',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          more: 'duration: 60s',
          expect: `
          - { name: wrong, at: 1s, metric: components, is: "== 2" }
          - { name: later, at: 50s, metric: components, is: "== 1" }`,
        }),
        failFast: true,
      });
      expect(report).toMatchObject({ exitCode: 1, verdict: 'failed' });
      expect(claims(report)['wrong']).toBe('failed');
      expect(claims(report)['later']).not.toBe('passed');
      expect(report.durationSeconds).toBeLessThan(40);
    },
  },
  {
    name: 'a metric that was never observed is a failure that says so',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          more: 'duration: 3s',
          expect: `
          - { name: unknown, always: true, metric: "node:no_such_metric", of: {}, is: ">= 0" }`,
        }),
      });
      expect(report).toMatchObject({ exitCode: 1, verdict: 'failed' });
      expect(reasonOf(report, 'unknown')).toMatch(/never observed/);
    },
  },
  {
    name: 'at spec.duration a claim that is not settled fails',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          more: 'duration: 6s',
          faults: `
          - { name: cut, at: 1s, for: 2s, partition: { sides: [{ group: boot }] } }`,
          expect: `
          - { name: open, after: cut, within: 3s, stays: 3s, metric: components, is: "== 2" }`,
        }),
      });
      expect(report).toMatchObject({ exitCode: 1, verdict: 'failed' });
      expect(claims(report)).toEqual({ open: 'failed' });
    },
  },
  {
    name: 'lines of logs are counted',
    on: ['local'],
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: `
          - name: talker
            count: 2
            kind: custom
            config:
              argv: [sh, -c, 'echo ready; for i in 1 2 3; do echo "word $i"; done; exec sleep 100']
              ready: { log: ^ready$ }`,
          topology: '{ model: none }',
          more: 'duration: 3s',
          expect: `
          - { name: six, log: { of: {}, matches: "^word [0-9]$" }, count: "== 6" }
          - { name: one each, log: { of: { node: talker-1 }, matches: "word 2" }, count: "== 1" }
          - { name: none, log: { of: {}, matches: "panic" }, count: "== 0" }
          - { name: too few, log: { of: {}, matches: "word" }, count: ">= 7" }`,
        }),
      });
      expect(claims(report)).toEqual({
        six: 'passed',
        'one each': 'passed',
        none: 'passed',
        'too few': 'failed',
      });
      expect(report.exitCode).toBe(1);
    },
  },
  {
    name: 'exit 4 at the time limit',
    check: async (run) => {
      const { report } = await run({ spec: specOf({ more: 'duration: 100s' }), timeoutMs: 4_000 });
      expect(report).toMatchObject({ exitCode: 4, verdict: 'error' });
      expect(report.problems.join('\n')).toMatch(/^the time limit of 4 s was reached/);
    },
  },
  {
    name: 'exit 130 and 143 when a signal stops the run',
    check: async (run) => {
      for (const exit of [130, 143]) {
        const { report } = await run({
          spec: specOf({
            more: 'duration: 100s',
            expect: `
            - { name: open, at: 90s, metric: components, is: "== 1" }`,
          }),
          during: async (world) => {
            await untilElapsed(world, exit === 130 ? 1 : 0);
            const reason = { code: 'SIGNAL', exit, message: 'stopped by a signal' };
            await world.session.down(reason);
          },
        });
        expect(report).toMatchObject({ exitCode: exit, verdict: 'error' });
        expect(claims(report)).toEqual({ open: 'error' });
      }
    },
  },
  {
    name: 'a run that nothing ends passes when its user stops it',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          expect: `
          - { name: up, always: true, metric: nodes_answering, is: ">= 1" }`,
        }),
        during: async (world) => {
          await untilElapsed(world, 3);
          await world.session.down();
        },
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(report.expectations).toHaveLength(1);
    },
  },
  {
    name: 'a fault may be added to a running testnet, listed, and cleared',
    check: async (run) => {
      const states: (string | undefined)[] = [];
      const components: (number | undefined)[] = [];
      const { report } = await run({
        spec: specOf({}),
        during: async (world) => {
          const { session } = world;
          const look = async () => {
            states.push((await session.faults()).find(({ name }) => name === 'added')?.state);
            components.push((await session.status()).metrics['components']);
          };
          await untilElapsed(world, 2);
          await look();
          const accepted = await session.applyFault(
            faultDocument.parse({
              apiVersion: 'peerstorm.dev/v1alpha1',
              kind: 'Fault',
              metadata: { name: 'added' },
              spec: { testnet: world.plan.testnet, partition: { sides: [{ group: 'boot' }] } },
            }),
          );
          expect(accepted).toEqual({ name: 'added', kind: 'partition', warnings: [] });
          await world.sleep(5_000);
          await look();
          expect(await session.clearFaults('added')).toEqual(['added']);
          await world.sleep(5_000);
          await look();
          await session.down();
        },
      });
      expect(states).toEqual([undefined, 'active', 'cleared']);
      expect(components).toEqual([1, 2, 1]);
      expect(verdictOf(report)).toEqual(passed);
      expect(report.faults).toHaveLength(1);
      expect(report.faults[0]).toMatchObject({ name: 'added', proved: true, leaks: 0 });
    },
  },
  {
    name: 'a fault lapses in the kernel when nobody renews it, and is then not proved',
    on: ['local'],
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: fourMiners,
          faults: `
          - { name: cut, at: 2s, for: 25s, partition: { sides: [{ group: boot }] } }`,
        }),
        during: async (world) => {
          await untilElapsed(world, 4);
          await world.freeze(14_000);
        },
      });
      expect(report).toMatchObject({ exitCode: 3, verdict: 'error' });
      expect(report.faults[0]).toMatchObject({ name: 'cut', proved: false });
      expect(report.faults[0]?.notes.join()).toMatch(/lease had run out/);
    },
  },
  {
    name: 'the same spec gives the same samples, byte for byte',
    on: ['memory'],
    check: async (run) => {
      const spec = specOf({
        groups: fourMiners,
        faults: `
          - { name: lossy, at: 2s, for: 20s, link: { from: {}, to: {}, loss: 10%, delay: 30ms, jitter: 5ms } }
          - { name: cut, at: 8s, for: 20s, partition: { sides: [{ group: boot }] } }
          - { name: again, at: 12s, restart: { targets: { group: full, sample: 2 } } }`,
      });
      const [one, two] = [await run({ spec }), await run({ spec })];
      expect(one.report.exitCode).toBe(0);
      expect(one.history.length).toBeGreaterThan(20);
      expect(two.samples).toBe(one.samples);
      expect(two.report).toEqual(one.report);
    },
  },
];
