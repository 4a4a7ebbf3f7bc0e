// The nodes of a plan: who dials whom, in which order they start, where they live.
import type { NodeName } from '../names.ts';
import { randomOf } from '../random.ts';
import { error, warning } from '../spec/problems.ts';
import type { TestnetSpec } from '../spec/schema.ts';
import type { TopologyNode } from '../topology/generator.ts';
import { dialsOf } from '../topology/index.ts';
import { type Addressing, addressesOf } from './addresses.ts';
import type { Plan, PlannedFault, PlannedGroup, PlannedNode } from './plan.ts';
import { noneNamed, type Report, unknownName } from './problem.ts';
import type { Member } from './select.ts';
import { peersFrom, wavesOf } from './waves.ts';

type Parts = {
  readonly spec: TestnetSpec;
  readonly members: readonly Member[];
  readonly groups: readonly PlannedGroup[];
  readonly faults: readonly PlannedFault[];
  readonly addressing: Addressing;
};

export function planNodes(parts: Parts, report: Report): Pick<Plan, 'nodes' | 'waves'> {
  const { spec, members, groups, faults } = parts;
  const starting = startOrder(members, groups);
  const topology = dialsOf(starting, spec.topology, (...path) =>
    randomOf(spec.randomSeed, 'topology', ...path),
  );
  const unknown = unknownNodes(members);
  for (const { path, ...problem } of topology.problems) {
    const message = 'unknown' in problem ? unknown(problem.unknown) : problem.message;
    report(error(['spec', 'topology', ...path], message));
  }
  const told = new Map(starting.map(({ name }, at) => [name, topology.dials[at] ?? []]));
  const dials = withAttackers(told, faults);
  const waves = wavesOf(starting);
  const nodes = nodesOf({ ...parts, dials, waves });
  const silent = nodes.every((node) => node.dials.length === 0);
  const seeded = groups.some(({ seeds }) => seeds.length > 0);
  // A list of edges that is elsewhere says itself that it is empty, or could not be read.
  const isTold = spec.topology.edgesFrom !== undefined || topology.problems.length > 0;
  if (silent && !seeded && nodes.length > 1 && !isTold) {
    report(warning(['spec', 'topology'], 'nobody is told of anybody: no dials and no seeds'));
  }
  return { nodes, waves };
}

/** To look for what was meant takes long among many nodes: it is done for the first few names. */
const namesMeant = 20;

function unknownNodes(members: readonly Member[]): (name: string) => string {
  const names = members.map((member) => member.name);
  const said = new Map<string, string>();
  return (name) => {
    const known = said.get(name);
    if (known !== undefined) return known;
    const message = said.size < namesMeant ? unknownName('node', name, names) : noneNamed(name);
    said.set(name, message);
    return message;
  };
}

/** Bootstrap nodes first, then by index, then by group. */
function startOrder(
  members: readonly Member[],
  groups: readonly PlannedGroup[],
): readonly (TopologyNode & { readonly bootstrap: boolean })[] {
  const known = new Map(groups.map(({ name, bootstrap }, at) => [name, { bootstrap, group: at }]));
  return members
    .map(({ name, index, group }) => {
      const own = known.get(group) ?? { bootstrap: false, group: groups.length };
      return { name, index, ...own };
    })
    .sort(
      (a, b) => Number(b.bootstrap) - Number(a.bootstrap) || a.index - b.index || a.group - b.group,
    );
}

/** Each attacker of an eclipse dials each victim, from the start of the run. */
function withAttackers(
  dials: Map<NodeName, readonly NodeName[]>,
  faults: readonly PlannedFault[],
): ReadonlyMap<NodeName, readonly NodeName[]> {
  for (const { attackers = [], victims = [] } of faults) {
    for (const attacker of attackers) {
      const own = dials.get(attacker) ?? [];
      const known = new Set([attacker, ...own]);
      dials.set(attacker, [...own, ...victims.filter((victim) => !known.has(victim))]);
    }
  }
  return dials;
}

/** Nodes find each other by themselves; a topology of dials is not to be blurred by that. */
export function discovers({ topology }: TestnetSpec): boolean {
  return topology.model === 'none';
}

type Nodes = Omit<Parts, 'faults'> & {
  readonly dials: ReadonlyMap<NodeName, readonly NodeName[]>;
  readonly waves: Plan['waves'];
};

function nodesOf({
  spec,
  members,
  groups,
  addressing,
  dials,
  waves,
}: Nodes): readonly PlannedNode[] {
  const counts = spec.groups.map(({ count }) => count);
  const addresses = addressesOf(counts, addressing).flat();
  const nodes = members.map(({ name, group, index, region }, at) => ({
    name,
    group,
    index,
    region,
    address: addresses[at] ?? '',
    dials: dials.get(name) ?? [],
  }));
  const contacts = peersFrom({ waves, groups, nodes, discovers: discovers(spec) });
  const declared = new Map(spec.groups.map(({ name, peered }) => [name, peered]));
  return nodes.map((node) => ({
    ...node,
    peered: declared.get(node.group) ?? contacts.has(node.name),
  }));
}
