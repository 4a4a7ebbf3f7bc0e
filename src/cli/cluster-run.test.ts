// `test` and `up` on a cluster, against the controller over an API server in memory.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { type User, unknownResource, userOf } from '../../test/cluster-user.ts';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { planOf } from '../controller/acceptance.ts';
import { fail } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { Plan } from '../plan/plan.ts';
import type { Report } from '../report/result.ts';
import { type Api, resources } from '../runtime/kubernetes/api.ts';
import { clusterSession } from '../session/cluster-session.ts';
import type { StopReason } from '../session/session.ts';
import { readEdgeList } from '../spec/edge-list.ts';
import { testnet as schema } from '../spec/schema.ts';
import { type ClusterRunRequest, runOnCluster } from './cluster-run.ts';

const cut = '  - { name: cut, at: 5s, for: 20s, partition: { sides: [{ group: boot }] } }';
const claims = `
    - { name: two parts, during: cut, settle: 2s, metric: components, is: ">= 2" }
    - { name: whole, after: cut, within: 15s, metric: components, is: "== 1" }`;
const spec = specOf({ faults: cut, expect: claims });
const sigint: StopReason = { code: 'SIGNAL', exit: 130, message: 'stopped by SIGINT' };

// Sockets and files take real time.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let world: ReturnType<typeof cluster>;
let user: User;
let said: { out: string; notes: string };
let logsAreRefused: boolean;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cluster-run-'));
  said = { out: '', notes: '' };
  logsAreRefused = false;
  await open();
});
afterEach(async () => {
  await world.stop();
  await user[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function open(options: Parameters<typeof userOf>[1] = {}) {
  await user?.[Symbol.asyncDispose]();
  world = cluster({
    lines: async function* (path) {
      if (logsAreRefused) throw fail('API_FORBIDDEN', 'cannot follow logs: 403');
      if (!path.includes('previous')) yield `2026-01-01T00:00:00.1Z hello of ${path.split('/')[6]}`;
    },
  });
  user = await userOf(world, options);
}

const terminal: ClusterRunRequest['terminal'] = {
  out: (text) => {
    said.out += `${text}\n`;
  },
  note: (text) => {
    said.notes += `${text}\n`;
  },
  interactive: false,
  color: false,
  outColor: false,
  columns: 100,
  outliveReader: () => undefined,
};

function requestOf(text: string, more: Partial<ClusterRunRequest> = {}): ClusterRunRequest {
  const document: unknown = parse(text);
  const testnet = schema.parse(document);
  // What the runtime in memory runs has the addresses of the plan.
  const plan: Plan | undefined = planOf(testnet, kinds, more.edges);
  if (plan === undefined) throw new TypeError('no plan');
  const given = { testnet, document, plan, specText: text, specFile: 'case.yaml', terminal };
  const report = join(folder, 'report');
  const how = { until: 'verdict', keep: false, failFast: false, quiet: false } as const;
  return { ...given, ...how, report, ...more };
}

type Doing = {
  readonly text?: string;
  readonly more?: Partial<ClusterRunRequest>;
  /** Asked all the time. */
  readonly reason?: () => StopReason | undefined;
  readonly meanwhile?: () => Promise<void>;
};

/** Virtual time goes on until it is over. */
async function run({ text = spec, more = {}, reason, meanwhile }: Doing = {}): Promise<number> {
  const force = new AbortController();
  const stops = { reason: reason ?? (() => undefined), force: force.signal };
  const running = runOnCluster(user.cluster, requestOf(text, more), stops);
  running.catch(() => undefined);
  await meanwhile?.();
  return await user.run(running);
}

const report = (): Report =>
  JSON.parse(readFileSync(join(folder, 'report', 'report.json'), 'utf8'));
const file = (...path: readonly string[]) => readFileSync(join(folder, 'report', ...path), 'utf8');
/** Of two nodes, as the kubelet would have them; the simulated runtime makes none. */
async function addPods() {
  await world.until('case', ({ status }) => status?.planHash !== undefined);
  for (const node of ['boot-0', 'full-0']) {
    world.addPod('case', `case-${node}`, { node });
    await world.sleep(1);
    const place = { namespace: 'storms', name: `case-${node}` };
    const containerStatuses = [{ name: 'node', restartCount: 0, state: { running: {} } }];
    world.server.change(resources.pods, place, { status: { containerStatuses } });
  }
}
const faultIsOn = () =>
  world.until('case', ({ status }) => status?.faults?.[0]?.state === 'active');
const stateOfFault = () => world.testnet('case')?.status?.faults?.[0]?.state;

describe('test on a cluster', () => {
  test('has the verdict and the report of a local run, and leaves nothing', async () => {
    await world.start();
    expect(await run({ meanwhile: addPods })).toBe(0);
    expect(said.out).toContain('PASSED');
    expect(said.notes).toContain('fault cut (partition) is in force (4 nodes)');
    expect(report()).toMatchObject({
      runtime: 'kubernetes',
      verdict: 'passed',
      problems: [],
      expectations: [{ status: 'passed' }, { status: 'passed' }],
      faults: [{ name: 'cut', proved: true }],
    });
    expect(report().nodes.map(({ name }) => name)).toContain('boot-0');
    expect(readdirSync(join(folder, 'report')).sort()).toEqual([
      ...['events.jsonl', 'junit.xml', 'logs', 'metrics.om', 'plan.json', 'report.html'],
      ...['report.json', 'samples.jsonl', 'spec.yaml', 'timeline.jsonl'],
    ]);
    expect(file('logs', 'full-0.log')).toBe('hello of case-full-0\n');
    expect(file('timeline.jsonl')).toContain('fault-healed');
    const samples = file('samples.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(Object.keys(samples.at(-1).nodes)).toHaveLength(4);
    expect(world.left()).toEqual([]);
  });

  test('has the exit status of what was seen', async () => {
    await world.start();
    const wrong = '  - { name: three, during: cut, metric: components, is: ">= 3" }';
    expect(await run({ text: specOf({ faults: cut, expect: wrong }) })).toBe(1);
    expect(report().verdict).toBe('failed');
    expect(world.left()).toEqual([]);
  });

  test('under another name is that Testnet', async () => {
    await world.start();
    const plan = { ...requestOf(spec).plan, testnet: 'second' };
    expect(await run({ more: { plan } })).toBe(0);
    expect(report().testnet).toBe('second');
  });

  test('ends at the first failure when it is asked to', async () => {
    await world.start();
    const never = '  - { name: never, at: 1s, metric: nodes_ready, is: "> 99" }';
    const text = specOf({ faults: cut, expect: never });
    expect(await run({ text, more: { failFast: true } })).toBe(1);
    expect(report().faults[0]?.actual).toEqual({});
  });

  test('goes on with another controller', async () => {
    await world.start();
    const restart = async () => {
      await faultIsOn();
      await world.stop();
      await world.start();
    };
    expect(await run({ meanwhile: restart })).toBe(0);
    expect(file('timeline.jsonl')).toContain('resumed');
  });

  test('without the right to ask the controller lacks only what single nodes say', async () => {
    user.limits.proxy = 'forbidden';
    await world.start();
    expect(await run()).toBe(0);
    expect(said.notes).toContain('less is shown than there is');
    expect(report()).toMatchObject({ verdict: 'passed', problems: [] });
    expect(file('timeline.jsonl')).toMatch(/samples are without those of single nodes/);
  });
});

test('a report without the logs of nodes says so', async () => {
  logsAreRefused = true;
  await world.start();
  expect(await run({ meanwhile: addPods })).toBe(0);
  expect(file('timeline.jsonl')).toContain('logs of nodes are missing: cannot follow logs: 403');
});

describe('test on a cluster that is ended', () => {
  test('by a signal ends the run in order, with its report', async () => {
    await world.start();
    const reason = () => (stateOfFault() === 'active' ? sigint : undefined);
    expect(await run({ reason })).toBe(130);
    expect(report()).toMatchObject({ exitCode: 130, problems: ['stopped by SIGINT'] });
    expect(file('timeline.jsonl')).toContain('"event":"ended"');
    expect([world.left(), world.faultsInForce()]).toEqual([[], []]);
  });

  test('by a signal before it has begun deletes it', async () => {
    expect(await run({ reason: () => sigint })).toBe(130);
    expect(world.left()).toEqual([]);
  });

  test('by a signal stays when it is to be kept', async () => {
    await world.start();
    const reason = () => (stateOfFault() === 'active' ? sigint : undefined);
    expect(await run({ reason, more: { keep: true } })).toBe(130);
    expect(said.notes).toContain('peerstorm down case --runtime kubernetes --namespace storms');
    const { status } = await world.until('case', (one) => one.status?.verdict !== undefined);
    expect(status?.verdict).toBe('passed');
  });

  test('by its time limit says so', async () => {
    await world.start();
    expect(await run({ more: { timeoutMs: 10_000 } })).toBe(4);
    expect(report().problems).toContain('the time limit of 10 s was reached');
    expect(world.left()).toEqual([]);
  });

  test('by somebody who deletes the Testnet has no verdict', async () => {
    await world.start();
    const remove = async () => {
      await faultIsOn();
      await world.user.delete(resources.testnets, { namespace: 'storms', name: 'case' });
    };
    expect(await run({ meanwhile: remove })).toBe(3);
    expect(report().problems).toContain('the Testnet was deleted before its end');
  });

  test('while the controller is away is left behind, and says so', async () => {
    await world.start();
    const leave = async () => {
      await faultIsOn();
      await world.stop();
    };
    expect(await run({ meanwhile: leave, more: { timeoutMs: 60_000 } })).toBe(3);
    expect(said.out).toMatch(/time limit of 60 s/);
    expect(world.left()).toContain('case');
    expect(said.out).toMatch(/left behind.*peerstorm down case/s);
  });
});

describe('test on a cluster is refused', () => {
  test('when there is a Testnet of that name, which is not touched', async () => {
    world.apply(testnetObject('case', spec));
    await expect(run()).rejects.toMatchObject({
      code: 'NAME_TAKEN',
      message: expect.stringMatching(/namespace storms.*peerstorm down case/s),
    });
    expect(world.testnet('case')?.metadata.deletionTimestamp).toBeUndefined();
    expect(world.left()).toEqual(['case']);
  });

  test('in a cluster without the chart, and says how to install it', async () => {
    await open({ api: { list: () => Promise.reject(unknownResource()) } });
    await expect(run()).rejects.toMatchObject({
      code: 'CHART_MISSING',
      hint: expect.stringContaining('helm install peerstorm'),
      exit: 3,
    });
  });

  test('in a cluster whose controller was removed', async () => {
    user.limits.services = 'none';
    await expect(run()).rejects.toMatchObject({ code: 'CHART_MISSING' });
    expect(world.left()).toEqual([]);
  });

  test('by the controller, with its words', async () => {
    await world.start();
    const document = parse(spec.replace('[{ group: boot }]', '[{ group: nobody }]'));
    await expect(run({ more: { document } })).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringMatching(/^spec\.faults\[0\].*"nobody"/),
    });
    expect(world.left()).toEqual([]);
  });

  test('when hosts lack what it needs', async () => {
    world.lacks.add('nft');
    await world.start();
    expect(await run()).toBe(3);
    expect(report().problems[0]).toMatch(/no nft here/);
    expect(world.left()).toEqual([]);
  });

  test('when no controller looks at it', async () => {
    expect(await run()).toBe(3);
    expect(report().problems[0]).toMatch(/no controller has looked at it for 60 s/);
    expect(world.left()).toEqual([]);
  });
});

describe('edges of a file', () => {
  const topology = '{ model: edges, edgesFrom: { file: edges.txt } }';
  const text = specOf({ topology, faults: cut, expect: claims });
  const few = 'full-0 boot-0\nfull-1 full-0\nfull-2 full-1\n';
  const many = few.repeat(1_667);
  const listed = (edges: string) => ({ text, more: { edges: readEdgeList(edges, 'edges.txt') } });
  let seen: unknown;
  const look = async () => {
    const { spec } = await world.until('case', ({ status }) => status?.planHash !== undefined);
    seen = (spec as { topology: unknown }).topology;
  };

  test('go into the Testnet while they are few', async () => {
    await world.start();
    expect(await run({ ...listed(few), meanwhile: look })).toBe(0);
    const edges = readEdgeList(few, '').edges;
    expect(seen).toEqual({ model: 'edges', edges });
    expect(world.left()).toEqual([]);
  });

  test('go into a ConfigMap of the Testnet when they are many, and nothing is left', async () => {
    await world.start();
    expect(await run({ ...listed(many), meanwhile: look })).toBe(0);
    const configMap = { name: 'case-run-edges', key: 'edges.txt.gz' };
    expect(seen).toEqual({ model: 'edges', edgesFrom: { configMap } });
    const { plan } = requestOf(text, listed(many).more);
    expect(JSON.parse(file('plan.json')).nodes).toEqual(plan.nodes);
    expect(world.left()).toEqual([]);
  });

  test('that cannot be brought leave no Testnet', async () => {
    const create: Api['create'] = async (resource, object) => {
      if (resource === resources.configMaps) throw fail('API_FORBIDDEN', 'create configmaps: 403');
      return await world.user.create(resource, object);
    };
    await open();
    user = await userOf(world, { api: { create } });
    await expect(run(listed(many))).rejects.toMatchObject({ code: 'API_FORBIDDEN' });
    expect(world.left()).toEqual([]);
  });

  test('that no ConfigMap holds are refused before there is anything', async () => {
    const comment = `# ${randomBytes(1_200_000).toString('base64')}\n`;
    await expect(run(listed(many + comment))).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringMatching(/a ConfigMap holds 1000 KiB/),
    });
    expect(world.left()).toEqual([]);
  });
});

describe('up on a cluster', () => {
  const until = 'stopped' as const;

  test('stays after the end, and a signal then gives the verdict', async () => {
    await world.start();
    let seenEnded = 0;
    const reason = () => {
      if (world.testnet('case')?.status?.verdict !== undefined) seenEnded += 1;
      return seenEnded > 20 ? sigint : undefined;
    };
    expect(await run({ reason, more: { until } })).toBe(0);
    expect(seenEnded).toBeGreaterThan(20);
    expect(said.out).toContain('PASSED');
    expect(world.left()).toEqual([]);
  });

  test('that only its user ends is over without a fault when it is taken down', async () => {
    await world.start();
    const takeDown = async () => {
      await world.until('case', ({ status }) => status?.startedAt !== undefined);
      void clusterSession(user.cluster, 'case').down();
    };
    expect(await run({ text: specOf({}), meanwhile: takeDown, more: { until } })).toBe(0);
    expect(report().problems).toEqual([]);
    expect(world.left()).toEqual([]);
  });

  test('in the background returns when it is ready', async () => {
    await world.start();
    expect(await run({ more: { until: 'ready' } })).toBe(0);
    expect(said.notes).toContain('case is ready; see `peerstorm status --runtime kubernetes');
    expect(world.testnet('case')?.status?.startedAt).toBeDefined();
  });

  test('in the background is not left when it cannot start', async () => {
    world.lacks.add('nft');
    await world.start();
    expect(await run({ more: { until: 'ready' } })).toBe(3);
    expect(world.left()).toEqual([]);
  });
});
