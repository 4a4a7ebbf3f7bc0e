// What has changed about a testnet since it began, as a list: counts of groups, faults of its spec,
// whether its nodes stay, faults applied by hand, faults cleared. The plan of a running testnet is
// its first plan with all changes applied, in their order. So a controller that takes over comes to
// the same plan from a few lines, and what runs is never redrawn.
import { fail } from '../errors.ts';
import type { KindTable } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import type { Target } from '../observe/observer.ts';
import { targetsOf } from '../observe/targets.ts';
import { planFault } from '../plan/fault.ts';
import type { LaunchOptions } from '../plan/launch.ts';
import type { Plan } from '../plan/plan.ts';
import { endedAt, rescale } from '../plan/rescale.ts';
import { formatFinding } from '../spec/problems.ts';
import type { FaultDocument, Testnet, TestnetSpec } from '../spec/schema.ts';

/** The parts of a spec that may change while it runs. */
export type Declared = {
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: TestnetSpec['faults'];
  /** Nodes stay when the run is over. */
  readonly keep: boolean;
};

/** `atMs`: milliseconds from time 0, negative before it. */
export type Change = { readonly atMs: number } & (
  | { readonly what: 'spec'; readonly declared: Declared }
  /** `uid`: of the Fault object. */
  | { readonly what: 'fault'; readonly uid: string; readonly document: FaultDocument }
  | { readonly what: 'clear'; readonly fault: string }
);

export type Changes = { readonly first: Declared; readonly since: readonly Change[] };

/** `warnings`: what may be otherwise than meant, a line each. */
export type AdHocFault = {
  readonly uid: string;
  readonly document: FaultDocument;
  readonly warnings: readonly string[];
};

/** What all changes have led to. */
export type Course = {
  readonly plan: Plan;
  readonly targets: ReadonlyMap<NodeName, Target>;
  readonly declared: Declared;
  /** By name: the Fault objects that were accepted. */
  readonly adHoc: ReadonlyMap<string, AdHocFault>;
  /** Faults that a user has ended. */
  readonly cleared: ReadonlySet<string>;
};

export type CourseDependencies = LaunchOptions & {
  readonly testnet: Testnet;
  readonly kinds: KindTable;
  readonly planOf: (testnet: Testnet) => Plan;
};

export function courseOf(changes: Changes, deps: CourseDependencies): Course {
  const plan = deps.planOf(withDeclared(deps.testnet, changes.first));
  const first: Course = {
    plan,
    targets: targetsOf(plan, deps),
    declared: changes.first,
    adHoc: new Map(),
    cleared: new Set(),
  };
  return changes.since.reduce((course, change) => follow(course, change, deps), first);
}

export function follow(course: Course, change: Change, deps: CourseDependencies): Course {
  if (change.what === 'spec') return respecify(course, change, deps);
  const { plan } = course;
  if (change.what === 'clear') {
    const faults = plan.faults.map((fault) =>
      fault.name === change.fault ? endedAt(fault, change.atMs) : fault,
    );
    const cleared = new Set([...course.cleared, change.fault]);
    return { ...course, plan: { ...plan, faults }, cleared };
  }
  const { uid, document, atMs } = change;
  const { fault, problems } = adHocFault(plan, document, atMs);
  if (fault === undefined) return course;
  const warnings = problems.map(formatFinding);
  const adHoc = new Map([...course.adHoc, [fault.name, { uid, document, warnings }] as const]);
  return { ...course, plan: { ...plan, faults: [...plan.faults, fault] }, adHoc };
}

export function declaredIn({ spec }: Testnet): Declared {
  const counts = Object.fromEntries(spec.groups.map(({ name, count }) => [name, count]));
  return { counts, faults: spec.faults, keep: spec.afterRun === 'keep' };
}

/** The testnet as it is after changes. */
export function withDeclared(testnet: Testnet, { counts, faults, keep }: Declared): Testnet {
  const groups = testnet.spec.groups.map((group) => ({
    ...group,
    count: counts[group.name] ?? group.count,
  }));
  const afterRun = keep ? 'keep' : 'delete';
  return { ...testnet, spec: { ...testnet.spec, groups, faults, afterRun } };
}

function respecify(
  course: Course,
  { declared, atMs }: Extract<Change, { readonly what: 'spec' }>,
  deps: CourseDependencies,
): Course {
  const next = deps.planOf(withDeclared(deps.testnet, declared));
  const replanned = [...course.adHoc.values()].flatMap(
    ({ document }) => adHocFault(next, document, 0).fault ?? [],
  );
  const adHoc = new Map(replanned.map((fault) => [fault.name, fault]));
  const { topology } = deps.testnet.spec;
  const plan = rescale(course.plan, { next, topology, atMs, adHoc });
  // What runs stays as it was launched.
  const targets = new Map([...targetsOf(plan, deps), ...course.targets]);
  const kept = new Set([...next.faults.map(({ name }) => name), ...adHoc.keys()]);
  const removed = course.plan.faults.map(({ name }) => name).filter((name) => !kept.has(name));
  return { ...course, plan, targets, declared, cleared: new Set([...course.cleared, ...removed]) };
}

function adHocFault(plan: Plan, document: FaultDocument, atMs: number) {
  const { metadata, spec } = document;
  return planFault(plan, spec, { name: metadata.name, acceptedAtMs: atMs });
}

/** The plan of a spec that was accepted once; another version of Peerstorm may see it otherwise. */
export function mustPlan(plan: Plan | undefined, testnet: Testnet): Plan {
  if (plan !== undefined) return plan;
  throw fail('SPEC_INVALID', `${testnet.metadata.name}: what was accepted before has problems now`);
}
