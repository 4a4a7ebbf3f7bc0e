// Groups against the kinds of node (does the kind exist, does it offer the role, does it take the
// config, do all groups speak one protocol), and what a group hands to its nodes.
import type { Kind, KindTable } from '../kinds/kind.ts';
import { quantity } from '../quantities/quantities.ts';
import { findingsOf } from '../spec/issues.ts';
import { error, listed, type Path, warning } from '../spec/problems.ts';
import type { Group, TestnetSpec } from '../spec/schema.ts';
import type { PlannedGroup } from './plan.ts';
import { type Report, unknownName } from './problem.ts';
import type { Select } from './select.ts';

export type CheckedGroup = {
  readonly group: Group;
  /** Undefined if the kind is unknown or refuses the config. */
  readonly protocol: string | undefined;
  /** Defaulted by the kind. */
  readonly config: Readonly<Record<string, unknown>>;
};

type Context = { readonly kinds: KindTable; readonly report: Report };

/** In the order of the spec. */
export function checkGroups(spec: TestnetSpec, { kinds, report }: Context): CheckedGroup[] {
  const pool = spec.network.addressing?.pool ?? 'private';
  const checked = spec.groups.map((group, at) => {
    const path = ['spec', 'groups', at];
    const kind = kinds.get(group.kind);
    if (kind === undefined) {
      report(error([...path, 'kind'], unknownName('kind', group.kind, kinds.keys())));
      return { group, protocol: undefined, config: {} };
    }
    checkRole(group, kind, { path, report });
    if (kind.needsRoutable && pool === 'private') report(privateAddresses(kind, path));
    return { group, ...configured(group, kind, { path, report }) };
  });
  checkProtocols(checked, report);
  checkBlockIntervals(spec.groups, report);
  return checked;
}

type Place = { readonly path: Path; readonly report: Report };

function checkRole({ role }: Group, { name, roles }: Kind, { path, report }: Place): void {
  if (roles.includes(role)) return;
  report(error([...path, 'role'], `${name} has no role ${role}, must be ${listed(roles, 'or')}`));
}

function privateAddresses({ name }: Kind, path: Path) {
  const message =
    `${name} treats private addresses as one place and may not pass them on; ` +
    'consider network.addressing.pool: public-like';
  return warning([...path, 'kind'], message);
}

function configured(
  { config }: Group,
  kind: Kind,
  { path, report }: Place,
): Pick<CheckedGroup, 'protocol' | 'config'> {
  const place = [...path, 'config'];
  const parsed = kind.config.safeParse(config);
  if (!parsed.success) {
    for (const finding of findingsOf(kind.config, config, parsed.error.issues)) {
      report({ ...finding, path: [...place, ...finding.path] });
    }
    return { protocol: undefined, config: {} };
  }
  const problems = kind.check?.(parsed.data) ?? [];
  for (const problem of problems) report(error([...place, ...problem.path], problem.message));
  const protocol = problems.length > 0 ? undefined : kind.protocol(parsed.data);
  return { protocol, config: { ...Object(parsed.data) } };
}

/** Topology, seeds and network-wide metrics have no meaning across protocols. */
function checkProtocols(groups: readonly CheckedGroup[], report: Report): void {
  const first = groups.find(({ protocol }) => protocol !== undefined);
  if (first === undefined) return;
  for (const [at, { group, protocol }] of groups.entries()) {
    if (protocol === undefined || protocol === first.protocol) continue;
    const message =
      `group ${group.name} speaks ${protocol}, but group ${first.group.name} speaks ` +
      `${first.protocol}; all groups of one testnet speak one protocol`;
    report(error(['spec', 'groups', at, 'kind'], message));
  }
}

/** It is the mean of the whole network: one number, wherever it is written. */
function checkBlockIntervals(groups: readonly Group[], report: Report): void {
  const first = groups.find(({ config }) => config['blockInterval'] !== undefined);
  for (const [at, { config }] of groups.entries()) {
    const [own, other] = [config['blockInterval'], first?.config['blockInterval']];
    if (own === undefined || own === other) continue;
    const message =
      `differs from the ${JSON.stringify(other)} of group ${first?.name}, ` +
      `got ${JSON.stringify(own)}; it is the mean of the whole network`;
    report(error(['spec', 'groups', at, 'config', 'blockInterval'], message));
  }
}

type Selecting = { readonly select: Select; readonly report: Report };

/** Seeds are the group's own, else the testnet's, else all bootstrap groups. */
export function planGroups(
  spec: TestnetSpec,
  groups: readonly CheckedGroup[],
  { select, report }: Selecting,
): readonly PlannedGroup[] {
  const bootstraps = spec.groups.filter(({ bootstrap }) => bootstrap).map(({ name }) => name);
  const usual = bootstraps.length === 0 ? undefined : { groups: bootstraps };
  return groups.map(({ group, config }, at) => {
    const { via } = group.discovery ?? spec.discovery;
    const own = group.discovery?.seeds;
    const place =
      own === undefined
        ? { path: ['spec', 'discovery', 'seeds'], draw: ['seeds'] }
        : { path: ['spec', 'groups', at, 'discovery', 'seeds'], draw: ['seeds', group.name] };
    const selector = via === 'none' ? undefined : (own ?? spec.discovery.seeds ?? usual);
    const { name, kind, role, bootstrap, restartPolicy } = group;
    const seeds = selector === undefined ? [] : select(selector, place, report);
    const planned = { name, kind, role, bootstrap, restartPolicy, via, seeds, config };
    const resources = resourcesOf(group);
    return resources === undefined ? planned : { ...planned, resources };
  });
}

function resourcesOf({ resources }: Group): PlannedGroup['resources'] {
  if (resources === undefined) return undefined;
  const { cpus, memory } = resources;
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memoryBytes: quantity('size', memory) }),
  };
}
