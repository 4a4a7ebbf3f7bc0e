import { expect, test } from 'vitest';
import { scriptedPlan } from '../../../test/scripted.ts';
import { kinds } from '../../kinds/index.ts';
import type { Plan } from '../../plan/plan.ts';
import { observeOrder } from './observe-order.ts';

const plan = scriptedPlan(4);
const withGroups = (...groups: readonly Partial<Plan['groups'][number]>[]): Plan => {
  const [first] = plan.groups;
  if (first === undefined) throw new TypeError('no group');
  return { ...plan, groups: groups.map((group) => ({ ...first, ...group })) };
};

test('agents ask the nodes of a plan that has more than so many', () => {
  expect(observeOrder(plan, kinds, 4)).toBeUndefined();
  const [group] = plan.groups;
  expect(observeOrder(plan, kinds, 3)).toEqual({
    everyMs: plan.sampleIntervalMs,
    groups: [{ name: group?.name, kind: group?.kind, config: JSON.stringify(group?.config) }],
  });
});

test('groups that are asked with a password, or say too much, stay with the controller', () => {
  const large = { files: 'x'.repeat(20_000) };
  const mixed = withGroups(
    { name: 'coin', kind: 'bitcoind' },
    { name: 'own', kind: 'custom' },
    { name: 'large', kind: 'custom', config: large },
  );
  expect(observeOrder(mixed, kinds, 0)?.groups.map(({ name }) => name)).toEqual(['own']);
  expect(observeOrder(withGroups({ kind: 'bitcoind' }), kinds, 0)).toBeUndefined();
});
