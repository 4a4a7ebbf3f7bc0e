// Faults on links: each does what it says while it is on, nothing after, and is proved.
import { expect } from 'vitest';
import type { Report } from '../../src/report/result.ts';
import type { Case } from './cases.ts';
import { fourMiners, fourNodes, passed, plain, specOf, verdictOf } from './spec.ts';

const proofs = ({ faults }: Report) =>
  Object.fromEntries(faults.map(({ name, proved, notes }) => [name, proved || notes]));

export const networkFaultCases: readonly Case[] = [
  {
    name: 'a partition in two cuts the network, makes it fork, and heals',
    smoke: true,
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: fourMiners,
          faults: `
          - name: cut
            at: 2s
            for: 8s
            partition: { sides: [{ nodes: [boot-0, full-0] }, { nodes: [full-1, full-2] }] }`,
          expect: `
          - { name: two parts, during: cut, throughout: true, metric: components, is: "== 2" }
          - { name: two chains, during: cut, settle: 3s, metric: chain_forks, is: ">= 2" }
          - { name: one part, after: cut, within: 10s, metric: components, is: "== 1" }
          - { name: one chain, after: cut, within: 20s, metric: chain_forks, is: "== 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ cut: true });
      // All ordered pairs: those inside a side as well.
      expect(report.faults[0]).toMatchObject({ pairsProbed: 12, leaks: 0, measured: { loss: 1 } });
      expect(report.faults[0]?.packets.dropped).toBeGreaterThan(0);
    },
  },
  {
    name: 'a partition in three makes three parts',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - name: cut
            at: 2s
            for: 5s
            partition: { sides: [{ node: full-0 }, { node: full-1 }, { nodes: [boot-0, full-2] }] }`,
          expect: `
          - { name: three, during: cut, throughout: true, metric: components, is: "== 3" }
          - { name: one, after: cut, within: 5s, metric: components, is: "== 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ cut: true });
    },
  },
  {
    name: 'the rest of a partition is isolated, joins the first side, or is a side',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - name: isolated
            at: 1s
            for: 4s
            partition: { sides: [{ nodes: [boot-0, full-0] }], rest: isolated }
          - name: joined
            at: 6s
            for: 4s
            partition: { sides: [{ node: boot-0 }, { node: full-0 }], rest: join-first }
          - { name: own, at: 11s, for: 4s, partition: { sides: [{ node: boot-0 }] } }`,
          expect: `
          - { name: i, during: isolated, throughout: true, metric: components, is: "== 3" }
          - { name: j, during: joined, throughout: true, metric: components, is: "== 2" }
          - { name: o, during: own, throughout: true, metric: components, is: "== 2" }
          - { name: alone, during: joined, stays: 1s, metric: node_peers_live, of: { node: full-0 }, is: "== 0" }
          - { name: not, during: joined, stays: 1s, metric: node_peers_live, of: { node: boot-0 }, is: "== 2" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ isolated: true, joined: true, own: true });
    },
  },
  {
    name: 'a one-way partition lets packets through in the other direction',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: `
          - { name: left, count: 1, kind: reference, bootstrap: true, ${plain} }
          - { name: right, count: 1, kind: reference, ${plain} }`,
          faults: `
          - name: mute
            at: 2s
            for: 5s
            partition: { sides: [{ group: left }, { group: right }], oneWay: true }`,
          expect: `
          - { name: cut, during: mute, throughout: true, metric: components, is: "== 2" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      // Proved: of the two pairs one lost all probes, and the other none.
      expect(report.faults[0]).toMatchObject({ proved: true, pairsProbed: 2, leaks: 0 });
    },
  },
  {
    name: 'a rejecting partition breaks connections, a silent one does not',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: silent, at: 1s, for: 4s, partition: { sides: [{ group: boot }] } }
          - { name: reject, at: 6s, for: 10s, partition: { sides: [{ group: boot }], mode: reject } }`,
          expect: `
          - name: kept
            during: silent
            throughout: true
            metric: node_peers
            of: { group: boot }
            is: "== 3"
          - { name: broken, during: reject, stays: 1s, metric: node_peers, of: { group: full }, is: "== 2" }
          - { name: back, after: reject, within: 20s, metric: node_peers, of: {}, is: ">= 3" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ silent: true, reject: true });
    },
  },
  {
    name: 'loss is measured as it was asked, and the network holds together',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: lossy, at: 2s, for: 8s, link: { from: {}, to: {}, loss: 20% } }`,
          expect: `
          - { name: whole, during: lossy, throughout: true, metric: components, is: "== 1" }
          - { name: peered, during: lossy, metric: node_peers, of: {}, is: ">= 3" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      const [lossy] = report.faults;
      expect(lossy).toMatchObject({ proved: true, asked: { loss: 0.2 } });
      // The proof is the test; this is only what nobody would call 20 %.
      expect(lossy?.measured['loss']).toBeGreaterThan(0.1);
      expect(lossy?.measured['loss']).toBeLessThan(0.3);
    },
  },
  {
    name: 'loss may lie on one direction only',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: up, at: 2s, for: 6s, link: { from: { group: boot }, to: { group: full }, loss: 40% } }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ up: true });
    },
  },
  {
    name: 'a rate is enforced',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: slow, at: 2s, for: 6s, link: { from: { group: boot }, to: { group: full }, rate: 1mbit } }`,
          expect: `
          - { name: whole, during: slow, throughout: true, metric: components, is: "== 1" }`,
        }),
      });
      const voided = report.validity.some(({ result }) => result === 'void');
      // A rate is kept only by a machine that has time for it: then the run says so.
      expect(report.exitCode).toBe(voided ? 3 : 0);
      expect(proofs(report)).toEqual({ slow: true });
      expect(report.faults[0]?.asked).toMatchObject({ rateBits: 1_000_000 });
    },
  },
  {
    name: 'a delay is measured where the kernel can make one, and refused where it cannot',
    check: async (run, runtime) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: far, at: 2s, for: 6s, link: { from: { group: boot }, to: {}, delay: 50ms } }`,
        }),
      });
      if (runtime !== 'memory' && report.exitCode === 3 && report.readySeconds === undefined) {
        expect(report.problems.join()).toMatch(/fault far needs netem: [^]*netem/);
        expect(report.nodes.map(({ state }) => state)).toEqual(Array(4).fill('unknown'));
        return;
      }
      expect(verdictOf(report)).toEqual(passed);
      expect(report.faults[0]).toMatchObject({ proved: true, asked: { delayMs: 50 } });
      expect(report.faults[0]?.measured['delayMs']).toBeCloseTo(50, -1);
    },
  },
  {
    name: 'the victim of an eclipse sees attackers only, and recovers',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: `
          - { name: full, count: 3, kind: reference, bootstrap: true, ${plain} }
          - { name: evil, count: 2, kind: reference, role: adversary, ${plain} }`,
          faults: `
          - name: eclipse
            at: 2s
            for: 8s
            eclipse: { victims: { node: full-2 }, attackers: { group: evil } }`,
          expect: `
          - name: blind
            during: eclipse
            throughout: true
            metric: eclipse_ratio
            of: { node: full-2 }
            is: "== 1"
          - { name: evil only, during: eclipse, stays: 1s, metric: node_peers_live, of: { node: full-2 }, is: "== 2" }
          - { name: others, during: eclipse, stays: 1s, metric: eclipse_ratio, of: { node: full-0 }, is: "< 1" }
          - { name: sees, after: eclipse, within: 20s, metric: eclipse_ratio, of: { node: full-2 }, is: "< 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ eclipse: true });
    },
  },
  {
    name: 'of two partitions that overlap, the second still cuts when the first has healed',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          faults: `
          - { name: first, at: 2s, for: 5s, partition: { sides: [{ node: full-0 }] } }
          - { name: second, at: 4s, for: 8s, partition: { sides: [{ node: full-1 }] } }`,
          expect: `
          - { name: both, at: 6s, metric: components, is: "== 3" }
          - { name: one left, after: first, within: 2s, stays: 2s, metric: components, is: "== 2" }
          - { name: always cut, during: second, throughout: true, metric: components, is: ">= 2" }
          - { name: none, after: second, within: 5s, metric: components, is: "== 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ first: true, second: true });
    },
  },
  {
    name: 'loss and a partition on the same links are both proved',
    check: async (run) => {
      const { report } = await run({
        spec: specOf({
          groups: fourNodes,
          faults: `
          - { name: lossy, at: 1s, for: 11s, link: { from: {}, to: {}, loss: 30% } }
          - { name: cut, at: 4s, for: 4s, partition: { sides: [{ node: full-0 }] } }`,
          expect: `
          - { name: before, at: 3s, metric: components, is: "== 1" }
          - { name: cut, during: cut, throughout: true, metric: components, is: "== 2" }
          - { name: after, at: 10s, metric: components, is: "== 1" }`,
        }),
      });
      expect(verdictOf(report)).toEqual(passed);
      expect(proofs(report)).toEqual({ lossy: true, cut: true });
    },
  },
];
