// The session of a Testnet: the controller's views over a proxy, objects and pods over an API
// server in memory.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type User, unknownResource, userOf } from '../../test/cluster-user.ts';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { faultDocument } from '../spec/schema.ts';
import { testnetNamed } from './cluster.ts';
import { clusterTestnets } from './cluster-testnets.ts';
import type { Session, Status, TimelineEvent } from './session.ts';
import { clearWish, clearWished } from './wishes.ts';

const cut = '  - { name: cut, at: 5s, for: 20s, partition: { sides: [{ group: boot }] } }';
const heals = '  - { name: heals, after: cut, within: 30s, metric: components, is: "== 1" }';
const never = new AbortController().signal;

// Sockets and files take real time.
vi.setConfig({ testTimeout: 60_000 });

let world: ReturnType<typeof cluster>;
let user: User;
let session: Session;

beforeEach(async () => {
  world = cluster({
    lines: async function* (path) {
      if (path.includes('/case-full-0/')) yield '2026-01-01T00:00:00.1Z hello';
    },
    exec: async ({ name, container }, argv) => ({
      exitCode: 7,
      stdout: [name, container, ...argv].join(' '),
      stderr: '',
    }),
  });
  user = await userOf(world);
  session = clusterTestnets(user.cluster).open('case');
  world.apply(testnetObject('case', specOf({ faults: cut, expect: heals })));
});
afterEach(async () => {
  await world.stop();
  await user[Symbol.asyncDispose]();
});

async function running() {
  await world.start();
  await world.until('case', ({ status }) => status?.startedAt !== undefined);
  await world.sleep(3_000);
}

const withPod = async () => {
  world.addPod('case', 'case-full-0', { node: 'full-0' });
  await world.sleep(1);
  const containerStatuses = [{ name: 'node', restartCount: 0, state: { running: {} } }];
  const place = { namespace: 'storms', name: 'case-full-0' };
  world.server.change(resources.pods, place, { status: { containerStatuses } });
};

describe('what is shown', () => {
  test('is what the controller sees', async () => {
    await running();
    expect(await session.status()).toMatchObject({
      testnet: 'case',
      runtime: 'kubernetes',
      phase: 'running',
      metrics: { components: 1 },
    });
    expect((await session.nodes()).map(({ name, state }) => `${name} ${state}`)).toEqual([
      ...['boot-0 ready', 'full-0 ready', 'full-1 ready', 'full-2 ready'],
    ]);
    expect((await session.graph()).edges).toHaveLength(6);
    expect(await session.faults()).toMatchObject([{ name: 'cut', state: 'planned', startsAt: 5 }]);
    expect(await session.metrics()).toContain('peerstorm_nodes_ready{testnet="case"} 4');
    expect(await session.state()).toMatchObject({ wave: 1 });
  });

  test('is what the Testnet says where no controller can be asked', async () => {
    await running();
    user.limits.proxy = 'forbidden';
    await world.until('case', ({ status }) => status?.faults?.[0]?.state === 'active');
    const status = await session.status();
    expect(status).toMatchObject({
      phase: 'running',
      nodes: { planned: 4, running: 4, ready: 4 },
      faults: [{ name: 'cut', kind: 'partition', state: 'active', endsAt: 25 }],
      expectations: [{ name: 'heals', status: 'pending' }],
    });
    expect(status.elapsed).toBeGreaterThanOrEqual(5);
    await expect(session.nodes()).rejects.toMatchObject({ code: 'API_FORBIDDEN' });
  });

  test('of one that has not begun, or is refused, is why', async () => {
    await expect(session.nodes()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'case does not run: it has not begun, or it is over',
    });
    expect(await session.status()).toMatchObject({ phase: 'starting', problems: [] });
    world.lacks.add('nft');
    await world.start();
    await world.until('case', ({ status }) => status !== undefined);
    await world.sleep(1_000);
    expect((await session.status()).problems[0]).toMatch(/no nft here/);
  });

  test('goes on until the Testnet is gone', async () => {
    await world.start();
    const events: TimelineEvent[] = [];
    let last: Status | undefined;
    const watching = (async () => {
      for await (const { event, status } of session.watch(never)) {
        if (event !== undefined) events.push(event);
        last = status ?? last;
        if (status?.exitCode !== undefined) await session.down();
      }
    })();
    await user.run(watching);
    const names = events.map(({ event }) => event);
    expect(names.filter((name) => name === 'fault-healed')).toHaveLength(1);
    expect(names.at(0)).toBe('started');
    expect(last?.exitCode).toBe(0);
    expect(world.left()).toEqual([]);
  });
});

describe('testnets of a namespace', () => {
  test('are listed by name', async () => {
    world.apply(testnetObject('another', specOf({})));
    const testnets = clusterTestnets(user.cluster);
    await world.sleep(1);
    expect(await testnets.names()).toEqual(['another', 'case']);
    expect(await testnets.status('another')).toMatchObject({ phase: 'starting' });
  });

  test('are not known to a cluster without the chart', async () => {
    await using other = await userOf(world, {
      api: { list: () => Promise.reject(unknownResource()) },
    });
    await expect(clusterTestnets(other.cluster).names()).rejects.toMatchObject({
      code: 'CHART_MISSING',
      message: 'the cluster at https://cluster.test knows no Testnets',
    });
  });
});

describe('the controller', () => {
  const no = { services: 'forbidden' } as const;
  test.each([
    ['everywhere, it is found', {}, {}, 'found'],
    ['there only, it is found', { systemNamespace: 'storm-system' }, no, 'found'],
    ['there, it is found', { systemNamespace: 'storm-system' }, {}, 'found'],
    ['everywhere, it is missed', {}, { services: 'none' }, 'CHART_MISSING'],
  ] as const)('by who may look %s', async (...[, where, limits, result]) => {
    await using other = await userOf(world, where);
    Object.assign(other.limits, limits);
    const code = await other.cluster.views.find().then(
      () => 'found',
      (error: unknown) => (error as { code: string }).code,
    );
    expect(code).toBe(result);
  });

  test('that has no pod at the moment is no reason to end', async () => {
    await running();
    user.limits.proxy = 'absent';
    const stop = new AbortController();
    const seen: (string | undefined)[] = [];
    const watching = (async () => {
      for await (const { status } of session.watch(stop.signal)) {
        seen.push(status?.phase);
        stop.abort();
      }
    })();
    await world.sleep(3_000);
    delete user.limits.proxy;
    await user.run(watching);
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe('faults', () => {
  const documentOf = (name: string, more: object) =>
    faultDocument.parse({
      apiVersion: 'peerstorm.dev/v1alpha1',
      kind: 'Fault',
      metadata: { name },
      spec: { testnet: 'case', ...more },
    });
  const isolate = documentOf('alone', { for: '5m', partition: { sides: [{ node: 'full-1' }] } });
  const faults = () => world.server.all(resources.faults).map(({ metadata }) => metadata.name);

  test('are applied and cleared, those of the spec as well', async () => {
    await running();
    expect(await user.run(session.applyFault(isolate))).toEqual({
      name: 'alone',
      kind: 'partition',
      warnings: [],
    });
    await world.until('case', ({ status }) => status?.faults?.[1]?.state === 'active');
    await expect(session.applyFault(isolate)).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringContaining('peerstorm fault clear alone'),
    });
    expect(await session.clearFaults('alone')).toEqual(['alone']);
    expect(faults()).toEqual([]);
    await world.until('case', ({ status }) => status?.faults?.[0]?.state === 'active');
    expect(await session.clearFaults()).toEqual(['cut']);
    const { status } = await world.until('case', (one) => one.status?.verdict !== undefined);
    expect(status?.faults?.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'cut cleared',
      'alone cleared',
    ]);
    await expect(session.clearFaults('other')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('are cleared while others write the Testnet, whose wishes stay', async () => {
    await running();
    const place = { namespace: 'storms', name: 'case' };
    const clearing = (names: string) => ({ metadata: { annotations: clearWish([names]) } });
    const { api } = user.cluster;
    let versions = 3;
    const busy = clusterTestnets({
      ...user.cluster,
      api: {
        ...api,
        mergePatch: async (resource, named, patch) => {
          versions -= 1;
          if (versions === 2) world.server.change(resource, place, clearing('other'));
          else if (versions > 0) world.server.change(resource, place, { status: { versions } });
          return await api.mergePatch(resource, named, patch);
        },
      },
    });
    expect(await busy.open('case').clearFaults()).toEqual(['cut']);
    expect(versions).toBe(0);
    const object = await testnetNamed(user.cluster, 'case');
    expect(object && clearWished(object)).toEqual(['other', 'cut']);
  });

  test('are accepted with warnings of what they lack', async () => {
    const edges = '[[full-0, full-1], [full-1, full-2], [full-2, boot-0]]';
    const topology = `{ model: edges, edges: ${edges} }`;
    world.apply(testnetObject('thin', specOf({ topology, more: 'duration: 5m' })));
    await world.start();
    await world.until('thin', ({ status }) => status?.startedAt !== undefined);
    const eclipse = { victims: { node: 'full-0' }, attackers: { group: 'boot' } };
    const fault = documentOf('hunt', { testnet: 'thin', for: '1m', eclipse });
    const accepted = await user.run(clusterTestnets(user.cluster).open('thin').applyFault(fault));
    expect(accepted).toEqual({
      name: 'hunt',
      kind: 'eclipse',
      warnings: [expect.stringContaining('full-0 has none from or to an attacker')],
    });
  });

  const delay = { from: { group: 'full' }, to: { group: 'boot' }, delay: '50ms' };
  test.each([
    [{ partition: { sides: [{ node: 'nobody-0' }] } }, 'SPEC_INVALID', /nobody-0/],
    [{ link: delay }, 'CAPABILITY_MISSING', /no netem here/],
  ])('such as %j are refused with %s, and leave nothing', async (fault, code, words) => {
    world.lacks.add('netem');
    await running();
    const asked = user.run(session.applyFault(documentOf('bad', { for: '1m', ...fault })));
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    expect(faults()).toEqual([]);
  });

  test('are not for a testnet that is still starting', async () => {
    world.lacks.add('nft');
    await world.start();
    const asked = user.run(session.applyFault(isolate));
    await expect(asked).rejects.toMatchObject({ code: 'CONTROLLER_SILENT' });
    expect(faults()).toEqual([]);
  });
});

describe('nodes', () => {
  test('run commands, in their own container', async () => {
    await withPod();
    expect(await session.exec('full-0', ['echo', 'a b'])).toEqual({
      exitCode: 7,
      stdout: 'case-full-0 node echo a b',
      stderr: '',
    });
    await expect(session.exec('full-0', [])).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('have logs', async () => {
    await withPod();
    const lines: string[] = [];
    for await (const { text } of session.logs('full-0', { follow: false }, never)) lines.push(text);
    expect(lines).toEqual(['hello']);
  });

  test('are those of this testnet', async () => {
    world.addPod('other', 'case-full-1', { node: 'full-1' });
    await world.sleep(1);
    for (const node of ['full-9', 'full-1']) {
      await expect(session.exec(node, ['true'])).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringMatching(/"full-\d".*peerstorm nodes -n case --runtime kubernetes/),
      });
    }
  });
});

describe('down', () => {
  test('ends the run, then takes the Testnet away', async () => {
    await running();
    await user.run(session.down());
    expect([world.left(), world.faultsInForce()]).toEqual([[], []]);
    expect(world.eventsOf('case')).toContainEqual([
      'Finished',
      expect.stringMatching(/exit status 3/),
    ]);
    await session.down();
  });

  test('of one that nobody runs is done at once', async () => {
    await user.run(session.down());
    expect(world.left()).toEqual([]);
  });

  test('that does not come to an end says what it waits for', async () => {
    await running();
    await world.stop();
    await expect(user.run(session.down())).rejects.toMatchObject({
      code: 'CONTROLLER_SILENT',
      message: expect.stringMatching(/^Testnet case is still there 150 s after its deletion/),
    });
  });
});
