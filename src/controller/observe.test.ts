import { describe, expect, test } from 'vitest';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { readHistory } from './history.ts';

const faults = '  - { name: cut, at: 5s, for: 20s, partition: { sides: [{ group: boot }] } }';
const expectations = `
    - { name: two parts, during: cut, settle: 2s, metric: components, is: ">= 2" }
    - { name: whole, after: cut, within: 15s, metric: components, is: "== 1" }`;
const splitting = specOf({ faults, expect: expectations });

/** What a sample says of the network, from time 0 on. */
async function answering(world: ReturnType<typeof cluster>) {
  const { uid = '' } = world.testnet('net')?.metadata ?? {};
  const history = await readHistory(world.user, { namespace: 'storms', name: 'net', uid });
  return history.samples.map(
    ({ t, network }) => [Math.round(t), network['nodes_answering']] as const,
  );
}

describe('a Testnet of more nodes than the controller asks', () => {
  test('is observed by the agents, and comes to the same verdict', async () => {
    const world = cluster({ observeByAgentsAbove: 3 });
    world.apply(testnetObject('net', splitting));
    await world.start();
    const { status } = await world.until('net', ({ status }) => status?.verdict !== undefined);
    expect([status?.verdict, status?.exitCode]).toEqual(['passed', 0]);
    expect(status?.faults?.[0]?.proof).toBe('proved');
    expect(world.asked()).not.toContain('/observation');
    const counts = await answering(world);
    expect(counts.length).toBeGreaterThan(25);
    expect(counts.every(([, nodes]) => nodes === 4)).toBe(true);
    await world.stop();
  });

  test('of no more the controller asks itself', async () => {
    const world = cluster({ observeByAgentsAbove: 4 });
    world.apply(testnetObject('net', splitting));
    await world.start();
    await world.until('net', ({ status }) => status?.startedAt !== undefined);
    expect(world.asked()).toContain('/observation');
    await world.stop();
  });

  test.each(['silent', 'stuck'] as const)(
    'whose agent is %s: the nodes of its host do not answer, and nobody waits for them',
    async (how) => {
      const world = cluster({ observeByAgentsAbove: 3 });
      const spec = specOf({
        expect: `
    - { name: half, at: 12s, metric: nodes_answering, is: "== 2" }
    - { name: all, at: 22s, metric: nodes_answering, is: "== 4" }`,
      });
      world.apply(testnetObject('net', spec));
      await world.start();
      await world.until('net', ({ status }) => status?.startedAt !== undefined);
      world.agents?.[how].add('odd');
      await world.sleep(15_000);
      world.agents?.[how].clear();
      const { status } = await world.until('net', ({ status }) => status?.verdict !== undefined);
      expect(status?.expectations?.map(({ name, status }) => [name, status])).toEqual([
        ['half', 'passed'],
        ['all', how === 'silent' ? 'passed' : 'failed'],
      ]);
      await world.stop();
    },
  );
});
