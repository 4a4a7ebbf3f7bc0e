import { describe, expect, test } from 'vitest';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { annotations } from '../runtime/kubernetes/objects.ts';
import { clearWish, failFastWish, stopWish } from '../session/wishes.ts';
import { readHistory } from './history.ts';

const cut =
  '  - { name: cut, at: 5s, for: 20s, partition: { sides: [{ group: boot }, { group: full }] } }';
const heals = '  - { name: heals, after: cut, within: 30s, metric: components, is: "== 1" }';
const spec = specOf({ faults: cut, expect: heals });

async function running(text = spec, wish = {}) {
  const world = cluster();
  const object = testnetObject('net', text);
  world.apply({ ...object, metadata: { ...object.metadata, annotations: wish } });
  await world.start();
  return world;
}

const annotate = (world: ReturnType<typeof cluster>, wish: object) =>
  world.server.change(
    resources.testnets,
    { namespace: 'storms', name: 'net' },
    { metadata: { annotations: wish } },
  );

describe('a run whose user wishes that it ends', () => {
  test('ends with the reason and status that were given, and all its evidence', async () => {
    const world = await running();
    await world.until('net', ({ status }) => status?.faults?.[0]?.state === 'active');
    annotate(world, stopWish({ code: 'SIGNAL', exit: 130, message: 'stopped by SIGINT' }));
    const { status, metadata } = await world.until(
      'net',
      (one) => one.status?.verdict !== undefined,
    );
    expect([status?.verdict, status?.exitCode]).toEqual(['error', 130]);
    expect(status?.problems).toContain('stopped by SIGINT');
    const place = { namespace: 'storms', name: 'net', uid: metadata.uid ?? '' };
    const { parts, timeline } = await readHistory(world.user, place);
    expect(parts.nodes).toHaveLength(4);
    expect(timeline.at(-1)?.event).toBe('ended');
    expect(world.faultsInForce()).toEqual([]);
    await world.stop();
  });

  test('and nothing more is over without a verdict, unless only its user ends it', async () => {
    const down = stopWish({ code: 'DOWN', exit: 0, message: 'stopped by the user' });
    const ends = [];
    for (const text of [spec, specOf({})]) {
      const world = await running(text);
      await world.until('net', ({ status }) => status?.startedAt !== undefined);
      annotate(world, down);
      const { status } = await world.until('net', (one) => one.status?.verdict !== undefined);
      ends.push(status?.exitCode);
      await world.stop();
    }
    expect(ends).toEqual([3, 0]);
  });

  test.each(['', 'null', '{', '{"code":"x","exit":0}', '{"code":"DOWN","exit":77}'])(
    'in words that are not understood (%j) goes on',
    async (text) => {
      const world = await running(spec, { [annotations.stop]: text });
      const { status } = await world.until('net', (one) => one.status?.verdict !== undefined);
      expect(status?.verdict).toBe('passed');
      await world.stop();
    },
  );

  test('at its first failure ends there', async () => {
    const never = '  - { name: never, at: 1s, metric: nodes_ready, is: "> 99" }';
    const text = specOf({ faults: cut, expect: never });
    const [patient, hasty] = [await running(text), await running(text, failFastWish)];
    const lengths = [];
    for (const world of [patient, hasty]) {
      const { status } = await world.until('net', (one) => one.status?.verdict !== undefined);
      expect(status?.exitCode).toBe(1);
      const { finishedAt = '', startedAt = '' } = status ?? {};
      lengths.push((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
      await world.stop();
    }
    expect(lengths[0]).toBeGreaterThan(25);
    expect(lengths[1]).toBeLessThan(5);
  });
});

describe('a fault whose user wishes that it ends', () => {
  test('ends then, whatever the spec says of it', async () => {
    const world = await running();
    await world.until('net', ({ status }) => status?.faults?.[0]?.state === 'active');
    await world.sleep(2_000);
    annotate(world, clearWish(['cut', 'unknown']));
    const { status } = await world.until('net', (one) => one.status?.verdict !== undefined);
    const [fault] = status?.faults ?? [];
    expect([status?.verdict, fault?.state]).toEqual(['passed', 'cleared']);
    const seconds = (Date.parse(fault?.healed ?? '') - Date.parse(fault?.enforced ?? '')) / 1000;
    expect(seconds).toBeLessThan(5);
    await world.stop();
  });
});
