import { describe, expect, test } from 'vitest';
import { scriptedPlan } from '../../test/scripted.ts';
import type { NodeName } from '../names.ts';
import { bindAddresses, launchContexts } from './launch.ts';

const base = scriptedPlan(4);
const names = base.nodes.map(({ name }) => name);
const [first, second, third, fourth] = names;
const dialsOf: Partial<Record<NodeName, readonly NodeName[]>> = {
  [second as NodeName]: [third, fourth] as NodeName[],
};
const plan = {
  ...base,
  groups: base.groups.map((group) => ({
    ...group,
    seeds: [first, second] as NodeName[],
    config: { blockInterval: '1s' },
  })),
  nodes: base.nodes.map((node) => ({ ...node, dials: dialsOf[node.name] ?? [] })),
};
const at = { dataDirectory: () => '/data' };
const contexts = launchContexts(plan, { dataDirectory: (node) => `/data/${node}` });
const contextOf = (name: NodeName | undefined) => {
  const context = name === undefined ? undefined : contexts.get(name);
  if (context === undefined) throw new TypeError(`no context of ${name}`);
  return context;
};
const namesOf = (peers: readonly { readonly name: string }[]) => peers.map(({ name }) => name);

describe('what a kind is told to launch a node', () => {
  test('is there for every node, with its own name, address, data and config', () => {
    expect([...contexts.keys()]).toEqual(names);
    expect(contextOf(third)).toMatchObject({
      name: third,
      address: plan.nodes[2]?.address,
      group: 'full',
      index: 2,
      role: 'full',
      testnet: 'scripted',
      randomSeed: 1,
      dataDirectory: `/data/${third}`,
      config: { blockInterval: '1s' },
    });
  });

  test('names the seeds but not itself, and whom to dial, with their addresses', () => {
    expect(namesOf(contextOf(first).seeds)).toEqual([second]);
    expect(namesOf(contextOf(third).seeds)).toEqual([first, second]);
    expect(contextOf(second).dials).toEqual(
      [third, fourth].map((name) => {
        const { address, identity } = contextOf(name);
        return { name, address, identity };
      }),
    );
  });

  test('has the secret of that node, and of no other', () => {
    const secretOf = (node: NodeName) => `secret of ${node}`;
    const secrets = launchContexts(plan, { ...at, secretOf });
    for (const [name, { secret, seeds, dials }] of secrets) {
      expect(secret).toBe(secretOf(name));
      expect(JSON.stringify([seeds, dials])).not.toContain('secret');
    }
  });

  test('has no seeds where discovery is off', () => {
    const off = {
      ...plan,
      groups: plan.groups.map((group) => ({ ...group, via: 'none' as const })),
    };
    const all = [...launchContexts(off, at).values()];
    expect(all.flatMap(({ seeds }) => seeds)).toEqual([]);
    expect(namesOf(all[1]?.dials ?? [])).toEqual([third, fourth]);
  });

  test('gives every node an identity of its own, the same in each run with this seed', () => {
    const identities = [...contexts.values()].map(({ identity }) => identity);
    expect(new Set(identities).size).toBe(names.length);
    const again = launchContexts({ ...plan, testnet: 'other' }, at);
    expect([...again.values()].map(({ identity }) => identity)).toEqual(identities);
    const reseeded = launchContexts({ ...plan, randomSeed: 2 }, at);
    expect([...reseeded.values()].map(({ identity }) => identity)).not.toEqual(identities);
  });

  test('a group that the plan does not have is our bug', () => {
    expect(() => launchContexts({ ...plan, groups: [] }, at)).toThrow(/no group full/);
  });

  test('may name nodes instead; then each listens on what its pod gets', () => {
    const bound = bindAddresses(plan, (node) => `x-${node}.x`);
    expect(bound.hash).toBe(plan.hash);
    const contexts = launchContexts(bound, at);
    expect(contexts.get(third as NodeName)).toMatchObject({
      address: `x-${third}.x`,
      ownAddress: '$(POD_IP)',
      seeds: [{ address: `x-${first}.x` }, { address: `x-${second}.x` }],
    });
    expect(contextOf(third).ownAddress).toBeUndefined();
  });
});
