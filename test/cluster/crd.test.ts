// What a real API server makes of our definitions: it takes every spec that `validate` takes, and
// refuses each mistake that a rule is about, and each change that a running testnet refuses. The
// same cases as in src/spec/crd.test.ts, where an interpreter stands for the server.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostReport, NetworkState } from '../../src/runtime/kubernetes/objects.ts';
import {
  drawn,
  filesOnly,
  frozen,
  mistakes,
  type Spec,
  sound,
  testnet,
  thawed,
} from '../fixtures/specs.ts';
import { validated } from '../fixtures/validated.ts';
import { hasCluster, Storm } from './harness.ts';

const examples = join(import.meta.dirname, '../../examples');
const strictly = ['--dry-run=server', '--validate=strict', '--output=name', '--filename=-'];

let storm: Storm;

describe.runIf(hasCluster('test/cluster/crd.test.ts'))('the API server', () => {
  beforeAll(async () => {
    storm = await Storm.create('peerstorm-definitions');
  });
  afterAll(() => storm[Symbol.asyncDispose]());

  test.each(readdirSync(examples).filter((name) => name.endsWith('.yaml')))(
    'takes %s',
    async (name) => {
      const text = readFileSync(join(examples, name), 'utf8');
      expect(await storm.kubectl(['create', ...strictly], text)).toMatch(/^testnet\./);
    },
  );

  test('takes what validate takes', { timeout: 300_000 }, async () => {
    const taken = drawn.filter(isSound);
    await fc.assert(
      fc.asyncProperty(fc.array(taken, { minLength: 1, maxLength: 25 }), async (specs) => {
        const items = specs.map((spec) => testnet(spec));
        const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
        const said = await storm.kubectl(['create', ...strictly], list);
        expect(said.split('\n')).toHaveLength(specs.length);
      }),
      { numRuns: 15, interruptAfterTimeLimit: 240_000 },
    );
  });

  test.each([...mistakes, ...filesOnly])('refuses $name', async ({ spec, says }) => {
    const said = await refusal(['create', ...strictly], testnet(spec));
    expect(said).toContain('is invalid');
    expect(said).toContain(says);
  });

  test('explains the fields of a spec', async () => {
    const faults = await storm.kubectl(['explain', 'testnet.spec.faults']);
    expect(faults).toContain('From time 0, when all nodes are ready.');
    expect(await storm.kubectl(['explain', 'fault.spec.for'])).toContain('150ms');
  });

  test('knows our short names and our category, which is no other thing', async () => {
    await expect(storm.kubectl(['get', 'tn,tnf'])).resolves.toBeDefined();
    await expect(storm.kubectl(['get', 'peerstorm'])).resolves.toBeDefined();
  });

  test('finds the faults of one testnet', async () => {
    const fault = { ...testnet({ testnet: 'nobody', pause: { targets: {} } }, 'f'), kind: 'Fault' };
    await storm.kubectl(['create', '--filename=-'], JSON.stringify(fault));
    const found = (of: string) =>
      storm.kubectl(['get', 'tnf', `--field-selector=spec.testnet=${of}`, '--output=name']);
    expect(await found('nobody')).toBe('fault.peerstorm.dev/f');
    expect(await found('somebody')).toBe('');
  });
});

describe.runIf(hasCluster('test/cluster/crd.test.ts'))('a Testnet that runs', () => {
  /** No controller starts it: nobody knows such a kind of node. */
  const unknown = (spec: Spec): Spec =>
    JSON.parse(JSON.stringify(spec).replaceAll('"reference"', '"unknown"'));

  beforeAll(async () => {
    storm = await Storm.create('peerstorm-changes');
    const create = ['create', '--filename=-'];
    await storm.kubectl(create, JSON.stringify(testnet(unknown(sound), 'runs')));
    await storm.kubectl(create, JSON.stringify(testnet(unknown(sound), 'waits')));
    const status = { status: { planHash: 'x', ...emptyStatus } };
    const patch = ['--type=merge', `--patch=${JSON.stringify(status)}`];
    await storm.kubectl(['patch', 'testnet', 'runs', '--subresource=status', ...patch]);
  });
  afterAll(() => storm[Symbol.asyncDispose]());

  const replace = ['replace', ...strictly];

  test.each(frozen)('does not take $name', async ({ spec, says }) => {
    const said = await refusal(replace, testnet(unknown(spec), 'runs'));
    expect(said).toContain('Forbidden');
    expect(said).toContain(says);
  });

  test.each(thawed)('can become $name', async ({ spec }) => {
    const said = await storm.kubectl(replace, JSON.stringify(testnet(unknown(spec), 'runs')));
    expect(said).toBe('testnet.peerstorm.dev/runs');
  });

  test.each(frozen)('could become $name before it was accepted', async ({ spec }) => {
    const said = await storm.kubectl(replace, JSON.stringify(testnet(unknown(spec), 'waits')));
    expect(said).toBe('testnet.peerstorm.dev/waits');
  });
});

describe.runIf(hasCluster('test/cluster/crd.test.ts'))('what machines write', () => {
  beforeAll(async () => {
    storm = await Storm.create('peerstorm-wire');
  });
  afterAll(() => storm[Symbol.asyncDispose]());

  test.each([
    { name: 'a schedule', object: schedule() },
    { name: 'a report', object: report() },
  ])('is kept whole: $name', async ({ object }) => {
    const kept = await storm.kubectl(
      ['create', '--dry-run=server', '--validate=strict', '--output=json', '--filename=-'],
      JSON.stringify(object),
    );
    expect(JSON.parse(kept)).toMatchObject(JSON.parse(JSON.stringify(object)));
  });
});

const emptyStatus = {
  observedGeneration: 1,
  conditions: [],
  nodes: { planned: 0, running: 0, ready: 0 },
  nodesReady: '0/0',
};

function isSound(spec: Spec): boolean {
  return 'accepted' in validated(spec);
}

/** What kubectl says as it fails. */
async function refusal(args: readonly string[], object: unknown): Promise<string> {
  try {
    await storm.kubectl(args, JSON.stringify(object));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
}

const identity = { apiVersion: 'peerstorm.dev/v1alpha1', metadata: { name: 'drawn' } } as const;

function schedule(): unknown {
  const shape = {
    kind: 'shape',
    lossRatio: 0.1,
    burst: { enterRatio: 0.01, leaveRatio: 0.5, lossRatio: 1 },
    delayMs: 0.5,
    jitterMs: 0.1,
    rateBitsPerSecond: 1e9,
    duplicateRatio: 0,
    corruptRatio: 1e-7,
    reorder: { shareRatio: 0.2, byMs: 3 },
  } as const;
  const effect = { fault: 'cut', from: 0, to: 1, impairment: { kind: 'drop' } } as const;
  const pairs = [['full-0', 'full-1', 20]];
  const wire = {
    generation: 3,
    leaseSeconds: 30,
    sets: [['full 0-19', 'miner 3'], []],
    base: [{ ...effect, fault: '', impairment: shape }],
    effects: [{ ...effect, start: 1_795_000_000_000.25, end: 1_795_000_010_000 }],
    faultIds: { cut: 1 },
    probe: { id: 2, start: 1_795_000_000_000, pairs },
    openEgress: true,
    observe: { everyMs: 1000, groups: [{ name: 'full', kind: 'reference', config: '{}' }] },
  };
  const state: Record<keyof NetworkState, unknown> = {
    ...identity,
    kind: 'NetworkState',
    testnet: { name: 'drawn', uid: '1c2f' },
    nodes: [{ name: 'full-0', uid: '9a', ips: ['10.0.0.1', 'fd00::1'] }],
    schedule: wire,
  };
  return state;
}

function report(): unknown {
  const counters = { matchedPackets: 1, matchedBytes: 2, droppedPackets: 3, droppedBytes: 4 };
  const enforcement = {
    generation: 3,
    appliedAt: 1_795_000_000_000.5,
    faults: { cut: { enforcedAt: 1.5, healBeganAt: 2, healedAt: 3 } },
    counters: { 'cut/matched': counters },
    lapsedPackets: 0,
    drift: 'a rule is missing',
    problem: 'nft: no',
  };
  const sent = { half: 'sent', from: 'a-0', to: 'b-0', sent: 20, sentAt: [1, 2.5] };
  const received = { half: 'received', from: 'a-0', to: 'b-0', received: 19, reordered: 1 };
  const of = {
    namespace: 'default',
    name: 'drawn',
    uid: '1c2f',
    enforcement,
    appliedBetween: [1, 2],
    pods: 4,
    nodes: { 'full-0': { incarnation: 0, phase: 'running', startedAt: 1.5, problem: 'no' } },
    probe: { id: 2, results: [sent, { ...received, delaysMs: [0.125, 3] }] },
  };
  const written: Record<keyof HostReport, unknown> = {
    ...identity,
    kind: 'HostReport',
    host: 'host-1',
    reportedAt: '2026-11-23T11:00:00.123Z',
    agentStartedAt: '2026-11-23T10:00:00Z',
    agentVersion: '0.1.0',
    agentAddress: '10.1.2.3:9469',
    capabilities: [{ feature: 'nft', ok: false, reason: 'none', fix: 'install nftables' }],
    testnets: [of],
  };
  return written;
}
