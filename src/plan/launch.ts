// From the plan to what a kind needs to launch one node.
import { z } from 'zod';
import { type LaunchContext, ownAddressReference, type PeerReference } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import { hashHex } from '../random.ts';
import type { Plan, PlannedNode } from './plan.ts';

export type LaunchOptions = {
  /** Where a node's data is, as the node sees it. */
  readonly dataDirectory: (node: NodeName) => string;
  /** See PeerReference; never part of a plan. */
  readonly secretOf?: ((node: NodeName) => string) | undefined;
};

/** Contexts of all nodes. */
export function launchContexts(
  plan: Plan,
  { dataDirectory, secretOf }: LaunchOptions,
): ReadonlyMap<NodeName, LaunchContext<unknown>> {
  const groups = new Map(plan.groups.map((group) => [group.name, group]));
  const groupOf = (name: string) => {
    const group = groups.get(name);
    if (group === undefined) throw new TypeError(`the plan has no group ${name}`);
    return group;
  };
  const references = new Map<NodeName, PeerReference>(
    plan.nodes.map(({ name, address }) => [
      name,
      { name, address, identity: hashHex(plan.randomSeed, 'identity', name) },
    ]),
  );
  const refer = (names: readonly NodeName[]) =>
    names.map((name) => references.get(name)).filter((reference) => reference !== undefined);
  const nodes = plan.nodes.map(({ name, group }) => {
    const { role, config } = groupOf(group);
    return { name, role, config };
  });
  // One list for all nodes of a group, but for those that are in it themselves.
  const seedLists = new Map(
    plan.groups.map(({ name, seeds, via }) => [name, via === 'none' ? [] : refer(seeds)]),
  );
  const seedsOf = ({ name, group }: PlannedNode) => {
    const seeds = seedLists.get(group) ?? [];
    const itself = seeds.some((seed) => seed.name === name);
    return itself ? seeds.filter((seed) => seed.name !== name) : seeds;
  };
  return new Map(
    plan.nodes.map((node) => {
      const { role, config } = groupOf(node.group);
      const reference = referenceOf(references, node.name);
      const context: LaunchContext<unknown> = {
        ...reference,
        ...(secretOf === undefined ? {} : { secret: secretOf(node.name) }),
        ...(isName(reference.address) ? { ownAddress: ownAddressReference } : {}),
        testnet: plan.testnet,
        randomSeed: plan.randomSeed,
        group: node.group,
        index: node.index,
        role,
        region: node.region,
        dataDirectory: dataDirectory(node.name),
        seeds: seedsOf(node),
        dials: refer(node.dials),
        discovers: plan.discovers,
        config,
        nodes,
      };
      return [node.name, context];
    }),
  );
}

/** The plan, with what its nodes are reached by in place of virtual addresses; same hash. */
export function bindAddresses(plan: Plan, addressOf: (node: NodeName) => string): Plan {
  const nodes = plan.nodes.map((node) => ({ ...node, address: addressOf(node.name) }));
  return { ...plan, nodes };
}

const ip = z.union([z.ipv4(), z.ipv6()]);

function isName(address: string): boolean {
  return !ip.safeParse(address).success;
}

function referenceOf(
  references: ReadonlyMap<NodeName, PeerReference>,
  name: NodeName,
): PeerReference {
  const reference = references.get(name);
  if (reference === undefined) throw new TypeError(`the plan has no node ${name}`);
  return reference;
}
