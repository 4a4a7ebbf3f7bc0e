// Spec -> Plan: the second arrow of the sentence YAML -> Spec -> Plan. Names, addresses, regions,
// dials, seeds, waves, the timeline and the claims, all decided before anything starts. Pure: the
// same spec gives the same bytes, and every draw is seeded by (randomSeed, what is drawn), so that
// scaling a group or adding a fault redraws nothing that is there. Everything that is wrong with a
// spec once its nodes are known is found here, all at once, with paths from the document's root; a
// plan comes with no error, only with warnings.
import type { KindTable } from '../kinds/kind.ts';
import { type NodeName, nodeName } from '../names.ts';
import { quantity } from '../quantities/quantities.ts';
import { checkTestnet } from '../spec/checks.ts';
import { type EdgeList, edgesFromPath } from '../spec/edge-list.ts';
import { error } from '../spec/problems.ts';
import type { Testnet, TestnetSpec } from '../spec/schema.ts';
import { capacityOf } from './addresses.ts';
import { canonicalHash } from './canonical.ts';
import { planExpectations } from './expectations.ts';
import { checkGroups, planGroups } from './groups.ts';
import { baseEffects } from './links.ts';
import { discovers, planNodes } from './nodes.ts';
import type { Plan } from './plan.ts';
import type { PlanProblem, Report } from './problem.ts';
import { regionsOf } from './regions.ts';
import { type Member, type Roster, selectFrom } from './select.ts';
import { planFaults } from './timeline.ts';

export type { PlanProblem } from './problem.ts';

/** More than this is a typing error, or wants more than one machine's memory. */
const nodesMaximum = 100_000;

export type Planned = {
  /** Absent if there is an error among the problems. */
  readonly plan?: Plan;
  readonly problems: readonly PlanProblem[];
};

/** `list`: the edges of a spec that has them elsewhere (`topology.edgesFrom`). */
export function planTestnet(testnet: Testnet, kinds: KindTable, list?: EdgeList): Planned {
  const unsound = checkTestnet(testnet);
  if (unsound.some(isError)) return { problems: unsound };
  const { topology } = testnet.spec;
  const isListed = topology.edgesFrom !== undefined;
  if (isListed && list === undefined) {
    return { problems: [error(edgesFromPath, 'must be read before it is planned')] };
  }
  const listed = isListed ? list : undefined;
  const problems: PlanProblem[] = [...unsound, ...(listed?.findings ?? [])];
  const report: Report = (problem) => problems.push(listed?.place(problem) ?? problem);
  const plan = assemble(listed ? withEdges(testnet, listed) : testnet, kinds, report);
  return plan === undefined || problems.some(isError) ? { problems } : { plan, problems };
}

function withEdges({ spec, ...rest }: Testnet, { edges }: EdgeList): Testnet {
  const topology = { ...spec.topology, edges: [...edges] };
  return { ...rest, spec: { ...spec, topology } };
}

function isError({ severity }: PlanProblem): boolean {
  return severity === 'error';
}

function assemble(testnet: Testnet, kinds: KindTable, report: Report): Plan | undefined {
  const { spec } = testnet;
  const groups = checkGroups(spec, { kinds, report });
  const addressing = spec.network.addressing ?? { pool: 'private', netgroups: 1 };
  if (!fits(spec, capacityOf(addressing), report)) return undefined;
  const members = membersOf(spec, report);
  const roster = rosterOf(spec, members);
  const select = selectFrom(roster);
  const clock = {
    sampleIntervalMs: quantity('duration', spec.sampleInterval),
    durationMs: spec.duration === undefined ? undefined : quantity('duration', spec.duration),
  };
  const network = ['spec', 'network'];
  const base = baseEffects(spec.network.links, nodesByRegion(spec, members), {
    path: [...network, 'links'],
    report,
  });
  const { everybody } = roster;
  const timeline = { path: ['spec', 'faults'], clock, select, everybody, report };
  const faults = planFaults(spec.faults, timeline);
  const claims = { path: ['spec', 'expect'], clock, faults, select, report };
  const expectations = planExpectations(spec.expect, claims);
  const plannedGroups = planGroups(spec, groups, { select, report });
  const { nodes, waves } = planNodes(
    { spec, members, groups: plannedGroups, faults, addressing },
    report,
  );
  const plan: Omit<Plan, 'hash'> = {
    testnet: testnet.metadata.name,
    randomSeed: spec.randomSeed,
    protocol: groups.find(({ protocol }) => protocol !== undefined)?.protocol ?? '',
    sampleIntervalMs: clock.sampleIntervalMs,
    ...(clock.durationMs === undefined ? {} : { durationMs: clock.durationMs }),
    packets: spec.network.packets,
    discovers: discovers(spec),
    addressing,
    regions: spec.network.regions.map(({ name }) => name),
    groups: plannedGroups,
    nodes,
    base,
    waves,
    faults,
    expectations,
  };
  const { testnet: name, randomSeed, ...rest } = plan;
  return { testnet: name, randomSeed, hash: canonicalHash(plan), ...rest };
}

function fits({ groups }: TestnetSpec, capacity: number, report: Report): boolean {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  if (count > capacity) {
    const message = `the pool is too small: ${count} nodes, room for ${capacity}; raise netgroups`;
    report(error(['spec', 'network', 'addressing', 'netgroups'], message));
  }
  if (count > nodesMaximum) {
    report(error(['spec', 'groups'], `${count} nodes are too many, at most ${nodesMaximum}`));
  }
  return count <= Math.min(capacity, nodesMaximum);
}

/** In the order of the plan: groups of the spec, then index. */
function membersOf(spec: TestnetSpec, report: Report): readonly Member[] {
  const regions = spec.network.regions.map(({ name }) => name);
  return spec.groups.flatMap((group, at) => {
    const { name, role } = group;
    const sequence = regionsOf(group, regions, { path: ['spec', 'groups', at], report });
    return sequence.map((region, index) => ({
      name: nodeName(name, index),
      group: name,
      index,
      region,
      role,
    }));
  });
}

function rosterOf(spec: TestnetSpec, members: readonly Member[]): Roster {
  return {
    randomSeed: spec.randomSeed,
    members,
    everybody: members.map(({ name }) => name),
    groups: new Set(spec.groups.map(({ name }) => name)),
    regions: new Set(spec.network.regions.map(({ name }) => name)),
  };
}

function nodesByRegion(
  spec: TestnetSpec,
  members: readonly Member[],
): ReadonlyMap<string, readonly NodeName[]> {
  const regions = new Map<string, NodeName[]>(spec.network.regions.map(({ name }) => [name, []]));
  for (const { name, region } of members) regions.get(region)?.push(name);
  return regions;
}
