import { describe, expect, test } from 'vitest';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { type FaultObject, finalizer, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import { readHistory } from './history.ts';

const cut = '  - { name: cut, at: 5s, for: 20s, partition: { sides: [{ group: boot }] } }';
const parts = `
    - { name: two parts, during: cut, settle: 2s, metric: components, is: ">= 2" }
    - { name: whole, after: cut, within: 15s, metric: components, is: "== 1" }`;
const splitting = specOf({ faults: cut, expect: parts });

const conditionsOf = (object: TestnetObject | FaultObject | undefined) =>
  Object.fromEntries(
    (object?.status?.conditions ?? []).map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  );

describe('a Testnet', () => {
  test('goes from applied to its verdict', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    const early = await world.until('net', ({ status }) => status !== undefined);
    expect(conditionsOf(early)).toEqual({
      Accepted: 'True SpecValid',
      Ready: 'Unknown Starting',
      Reconciling: 'True Starting',
      Stalled: 'False Working',
      FaultsApplied: 'Unknown NotStarted',
      Finished: 'False NotStarted',
      Succeeded: 'Unknown NotStarted',
    });
    const active = await world.until(
      'net',
      ({ status }) => status?.faults?.[0]?.state === 'active',
    );
    expect(active.metadata.finalizers).toEqual([finalizer]);
    expect(conditionsOf(active)).toMatchObject({
      Ready: 'True Running',
      Reconciling: 'False Running',
      FaultsApplied: 'True Active',
      Finished: 'False Running',
    });
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    expect(conditionsOf(ended)).toEqual({
      Accepted: 'True SpecValid',
      Ready: 'True Finished',
      Reconciling: 'False Finished',
      Stalled: 'False Working',
      FaultsApplied: 'True NoneActive',
      Finished: 'True Passed',
      Succeeded: 'True Passed',
    });
    const { status } = ended;
    expect([status?.verdict, status?.exitCode, status?.nodesReady]).toEqual(['passed', 0, '0/4']);
    const [fault] = status?.faults ?? [];
    expect(fault?.proof).toBe('proved');
    const seconds = (time = '') => (Date.parse(time) - Date.parse(status?.startedAt ?? '')) / 1000;
    expect([seconds(fault?.start), seconds(fault?.end)]).toEqual([5, 25]);
    expect(status?.expectations?.map(({ status }) => status)).toEqual(['passed', 'passed']);
    await world.stop();
  });

  test('leaves what the report needs', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    const { uid = '' } = ended.metadata;
    const history = await readHistory(world.user, { namespace: 'storms', name: 'net', uid });
    expect(history.parts.nodes).toHaveLength(4);
    expect(history.parts.run?.readyAt).toBe(ended.status?.startedAt);
    expect(history.parts.faults?.map(({ name, proved }) => [name, proved])).toEqual([
      ['cut', true],
    ]);
    expect(history.parts.added?.map(({ name }) => name)).toEqual(['cut']);
    expect(history.timeline.map(({ event }) => event)).toContain('fault-healed');
    expect(history.timeline.at(-1)?.event).toBe('ended');
    const times = history.samples.map(({ t }) => Math.round(t));
    expect(times).toEqual(times.map((_, at) => at));
    await world.stop();
  });

  test('with a wrong spec is told what is wrong, and nothing else happens', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting.replace('group: boot', 'group: bot')));
    await world.start();
    const refused = await world.until('net', ({ status }) => status !== undefined);
    expect(conditionsOf(refused)).toMatchObject({
      Accepted: 'False SpecInvalid',
      Ready: 'False SpecInvalid',
      Reconciling: 'False SpecInvalid',
      Stalled: 'True SpecInvalid',
    });
    const message = refused.status?.conditions[0]?.message;
    expect(message).toMatch(/^spec\.faults\[0\]\.partition\.sides\[0\]\.group: .*"bot"/);
    expect(world.eventsOf('net')).toEqual([['SpecInvalid', message]]);
    expect(refused.metadata.finalizers ?? []).toEqual([]);
    world.change('net', testnetObject('net', splitting).spec);
    const ready = await world.until('net', ({ status }) => status?.startedAt !== undefined);
    expect(conditionsOf(ready)['Accepted']).toBe('True SpecValid');
    await world.stop();
  });

  test('that needs what is not there is stalled, and goes on when it is', async () => {
    const world = cluster();
    world.lacks.add('nft');
    world.apply(testnetObject('net', splitting));
    await world.start();
    const stalled = await world.until(
      'net',
      ({ status }) =>
        status?.conditions.some(({ type, status: is }) => type === 'Stalled' && is === 'True') ??
        false,
    );
    expect(conditionsOf(stalled)).toMatchObject({
      Ready: 'False CapabilityMissing',
      Stalled: 'True CapabilityMissing',
    });
    expect(stalled.status?.conditions[1]?.message).toMatch(/nft.*no nft here/);
    world.lacks.clear();
    const ready = await world.until('net', ({ status }) => status?.startedAt !== undefined);
    expect(conditionsOf(ready)).toMatchObject({ Stalled: 'False Working', Ready: 'True Running' });
    await world.stop();
  });
});

describe('a controller that is killed', () => {
  test('in a fault leaves a run that the next one ends the same way', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    const before = await world.until(
      'net',
      ({ status }) => status?.faults?.[0]?.state === 'active',
    );
    await world.sleep(3_000);
    await world.stop();
    await world.sleep(5_000);
    await world.start();
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    expect(ended.status?.problems).toBeUndefined();
    expect([ended.status?.verdict, ended.status?.startedAt]).toEqual([
      'passed',
      before.status?.startedAt,
    ]);
    const [was] = before.status?.faults ?? [];
    expect(ended.status?.faults?.[0]).toMatchObject({
      start: was?.start,
      end: was?.end,
      enforced: was?.enforced,
      proof: 'proved',
    });
    // Each node was started once, and nothing was enforced twice.
    expect(world.starts()).toEqual([1, 1, 1, 1]);
    const { uid = '' } = ended.metadata;
    const { timeline } = await readHistory(world.user, { namespace: 'storms', name: 'net', uid });
    expect(timeline.map(({ event }) => event)).toContain('resumed');
    expect(timeline.filter(({ event }) => event === 'ready')).toHaveLength(1);
    await world.stop();
  });

  test.each([0, 400, 2_000, 12_000, 27_000, 40_000])(
    '%i ms after time 0 changes no verdict',
    async (at) => {
      const world = cluster();
      // A successor that has not asked anybody yet must not say that nobody answers.
      const answering = `${parts}
    - { name: all answer, always: true, metric: nodes_answering, is: "== 4" }`;
      world.apply(testnetObject('net', specOf({ faults: cut, expect: answering })));
      await world.start();
      await world.until('net', ({ status }) => status?.startedAt !== undefined);
      await world.sleep(at);
      await world.stop();
      await world.sleep(2_000);
      await world.start();
      const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
      expect([ended.status?.verdict, ended.status?.problems]).toEqual(['passed', undefined]);
      expect(world.starts()).toEqual([1, 1, 1, 1]);
      await world.stop();
    },
  );

  test('after the end says nothing new', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    await world.stop();
    await world.start();
    await world.sleep(20_000);
    expect(world.testnet('net')?.status).toEqual(ended.status);
    await world.stop();
  });

  test('for longer than contact may be lost leaves claims unjudged', async () => {
    const world = cluster();
    const whole =
      '  - { name: whole, always: true, except: [cut], metric: components, is: "== 1" }';
    world.apply(testnetObject('net', specOf({ more: 'duration: 3m', faults: cut, expect: whole })));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    await world.stop();
    await world.sleep(100_000);
    await world.start();
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    expect(ended.status?.verdict).toBe('error');
    expect(ended.status?.expectations?.[0]?.reason).toBe('unobserved');
    await world.stop();
  });
});

describe('a Testnet that is deleted', () => {
  test('in a fault ends it first, then its nodes, then goes', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    await world.until('net', ({ status }) => status?.faults?.[0]?.state === 'active');
    world.addPod('net', 'net-boot-0');
    expect(world.faultsInForce()).toEqual(['cut']);
    await world.user.delete(resources.testnets, { namespace: 'storms', name: 'net' });
    await world.gone('net');
    expect(world.faultsInForce()).toEqual([]);
    expect(world.order).toEqual(['healed', 'nodes gone', 'pods gone']);
    expect(world.left()).toEqual([]);
    await world.stop();
  });

  test('while no controller was there is cleaned up by the next', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    await world.until('net', ({ status }) => status?.faults?.[0]?.state === 'active');
    world.addPod('net', 'net-boot-0');
    await world.stop();
    await world.user.delete(resources.testnets, { namespace: 'storms', name: 'net' });
    await world.sleep(5_000);
    expect(world.testnet('net')).toBeDefined();
    await world.start();
    await world.gone('net');
    expect(world.left()).toEqual([]);
    await world.stop();
  });

  test('does not wait for hosts that are gone', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.addPod('net', 'net-boot-0', { stays: true });
    await world.user.delete(resources.testnets, { namespace: 'storms', name: 'net' });
    await world.gone('net');
    expect(world.eventsOf('net').map(([reason]) => reason)).toContain('PodsLeft');
    expect(world.left()).toEqual([]);
    await world.stop();
  });
});

describe('the API server', () => {
  test('is asked less than once a second for a testnet that runs', async () => {
    const world = cluster();
    world.apply(testnetObject('net', specOf({ more: 'duration: 5m' })));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    await world.sleep(5_000);
    const from = world.server.calls.length;
    await world.sleep(60_000);
    const calls = world.server.calls.slice(from);
    expect(calls.length).toBeLessThan(15);
    expect(calls.filter(({ verb }) => verb === 'apply status')).toEqual([]);
    await world.stop();
  });

  test('is told of a status at most once a second', async () => {
    const world = cluster();
    const faults = Array.from({ length: 20 }, (_, at) => {
      const from = (2 + at * 0.35).toFixed(2);
      return `  - { name: f${at}, at: ${from}s, for: 2s, link: { from: {}, to: {}, loss: 1% } }`;
    });
    world.apply(testnetObject('net', specOf({ faults: faults.join('\n') })));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    await world.sleep(15_000);
    const gaps = world.statusTimes
      .slice(1)
      .map((at, index) => at - (world.statusTimes[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(5);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    await world.stop();
  });

  test('may be away for a while: the run goes on', async () => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.down = true;
    await world.sleep(12_000);
    world.down = false;
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    expect([ended.status?.verdict, ended.status?.problems]).toEqual(['passed', undefined]);
    const seconds =
      Date.parse(ended.status?.faults?.[0]?.enforced ?? '') -
      Date.parse(ended.status?.startedAt ?? '');
    expect(seconds).toBeLessThan(5_500);
    await world.stop();
  });
});

describe('a Testnet that runs', () => {
  const endless = specOf({ more: 'duration: 5m' });

  test('takes Fault objects, and clears what is deleted', async () => {
    const world = cluster();
    world.apply(testnetObject('net', endless));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.fault('hand', { testnet: 'net', partition: { sides: [{ group: 'boot' }] } });
    const on = await world.until('net', ({ status }) => status?.faults?.[0]?.state === 'active');
    expect(on.status?.faults?.map(({ name, kind }) => [name, kind])).toEqual([
      ['hand', 'partition'],
    ]);
    const fault = await world.untilFault('hand', ({ status }) => status?.start !== undefined);
    expect(conditionsOf(fault)).toMatchObject({ Accepted: 'True SpecValid', Ready: 'True Active' });
    await world.stop();
    await world.user.delete(resources.faults, { namespace: 'storms', name: 'hand' });
    await world.start();
    const off = await world.until('net', ({ status }) => status?.faults?.[0]?.healed !== undefined);
    expect(off.status?.faults?.[0]?.state).toBe('cleared');
    expect(world.faultsInForce()).toEqual([]);
    await world.stop();
  });

  test('refuses Faults that are wrong, in words', async () => {
    const world = cluster();
    world.apply(testnetObject('net', endless));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.fault('bad', { testnet: 'net', kill: { targets: { group: 'nobody' } } });
    world.fault('lost', { testnet: 'other', kill: { targets: {} } });
    const bad = await world.untilFault('bad', ({ status }) => status !== undefined);
    expect(conditionsOf(bad)).toMatchObject({
      Accepted: 'False SpecInvalid',
      Stalled: 'True SpecInvalid',
    });
    expect(bad.status?.conditions[0]?.message).toMatch(/"nobody"/);
    const lost = await world.untilFault('lost', ({ status }) => status !== undefined);
    expect(conditionsOf(lost)['Accepted']).toBe('Unknown TestnetNotFound');
    await world.stop();
  });

  test('grows: who joins gets seeds, dials, the faults, and is waited for', async () => {
    const world = cluster({ largest: specOf({ ...sized(6) }) });
    const claim =
      '  - { name: each has peers, always: true, metric: node_peers, of: { group: full }, is: ">= 1" }';
    world.apply(
      testnetObject('net', specOf({ ...sized(3), more: 'duration: 60s', expect: claim })),
    );
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.fault('hand', { testnet: 'net', partition: { sides: [{ group: 'boot' }] }, for: '30s' });
    await world.until('net', ({ status }) => status?.faults?.[0]?.state === 'active');
    world.change(
      'net',
      testnetObject('net', specOf({ ...sized(6), more: 'duration: 60s', expect: claim })).spec,
    );
    const scaling = await world.until('net', ({ status }) => status?.nodes.planned === 7);
    expect(conditionsOf(scaling)).toMatchObject({ Accepted: 'True SpecValid' });
    const covered = world.cutNodes();
    expect(covered).toEqual(expect.arrayContaining(['boot-0', 'full-0', 'full-3', 'full-5']));
    await world.until('net', ({ status }) => status?.nodes.ready === 7);
    await world.stop();
    await world.start();
    const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
    expect([ended.status?.verdict, ended.status?.problems]).toEqual(['passed', undefined]);
    expect(ended.status?.nodes.planned).toBe(7);
    expect(world.starts()).toEqual([1, 1, 1, 1, 1, 1, 1]);
    await world.stop();
  });

  test('has passwords that the next controller knows, too, and nobody else', async () => {
    const secrets = () => {
      const [run] = world.runs().values();
      return [...(run?.running.targets ?? [])].map(([, { context }]) => context.secret ?? '');
    };
    const world = cluster({ largest: specOf({ ...sized(4), more: 'duration: 5m' }) });
    world.apply(testnetObject('net', specOf({ ...sized(3), more: 'duration: 5m' })));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    const larger = testnetObject('net', specOf({ ...sized(4), more: 'duration: 5m' }));
    world.change('net', larger.spec);
    await world.until('net', ({ status }) => status?.nodes.ready === 5);
    const known = secrets();
    await world.stop();
    await world.start();
    await world.until('net', () => secrets().length === 5);
    expect(secrets()).toEqual(known);
    await world.stop();
    expect(new Set(known)).toHaveLength(5);
    const stored = JSON.stringify(Object.values(resources).map((one) => world.server.all(one)));
    expect(stored).toContain('peerstorm-node-passwords');
    expect(known.filter((secret) => secret === '' || stored.includes(secret))).toEqual([]);
  });

  test.each([
    { told: 'keep', first: 'delete', nodes: '4/4' },
    { told: 'delete', first: 'keep', nodes: '0/4' },
  ])('does with its nodes what it was told last: $told', async ({ told, first, nodes }) => {
    const afterRun = (what: string) => testnetObject('net', `${splitting}\n  afterRun: ${what}`);
    const world = cluster();
    world.apply(afterRun(first));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.change('net', afterRun(told).spec);
    const isOver = ({ status }: TestnetObject) => status?.verdict !== undefined;
    const ended = await world.until('net', isOver);
    expect(conditionsOf(ended)['Accepted']).toBe('True SpecValid');
    const isSo = ({ status }: TestnetObject) => status?.nodesReady === nodes;
    await world.until('net', isSo);
    world.change('net', afterRun(first).spec);
    const refused = await world.until('net', ({ status }) => status?.observedGeneration === 3);
    await world.stop();
    await world.start();
    await world.sleep(10_000);
    await world.until('net', isSo);
    await world.stop();
    expect(world.starts()).toEqual([1, 1, 1, 1]);
    expect(conditionsOf(refused)['Accepted']).toBe('False ChangeRefused');
  });

  test.each([
    {
      what: 'another seed',
      spec: splitting.replace('randomSeed: 7', 'randomSeed: 8'),
      says: 'spec.randomSeed: randomSeed cannot change while the testnet runs',
    },
    {
      what: 'another fault of a name that is taken',
      spec: splitting.replace('for: 20s', 'for: 15s'),
      says: 'spec.faults[0]: an entry of faults cannot change while the testnet runs',
    },
  ])('refuses $what, says why, and goes on', async ({ spec, says }) => {
    const world = cluster();
    world.apply(testnetObject('net', splitting));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    world.change('net', testnetObject('net', spec).spec);
    const refused = await world.until('net', ({ status }) => status?.observedGeneration === 2);
    expect(conditionsOf(refused)).toMatchObject({
      Accepted: 'False ChangeRefused',
      Ready: 'True Running',
    });
    expect(refused.status?.conditions.map(({ message }) => message).join('\n')).toContain(says);
    await world.stop();
  });
});

function sized(full: number) {
  return {
    groups: `
        - { name: boot, count: 1, kind: reference, bootstrap: true }
        - { name: full, count: ${full}, kind: reference }`,
  };
}
