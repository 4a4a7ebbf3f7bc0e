// Fault objects: faults on a running testnet. One is accepted once, from then on its fault goes its
// way; when the object is deleted, its fault is cleared. What became of it is in its status.
import type { FaultState } from '../decide/state.ts';
import { PeerstormError } from '../errors.ts';
import { planFault } from '../plan/fault.ts';
import {
  type FaultObject,
  faultWarned,
  type TestnetObject,
} from '../runtime/kubernetes/objects.ts';
import { acceptFault } from '../spec/accept.ts';
import { linesOf, type Reconciling, sinceTimeZero } from './known.ts';
import { condition, dated, type Found, timeOf } from './status.ts';
import type { TestnetRun } from './testnet-run.ts';

/** All Fault objects of the testnet. */
export async function followFaults(
  deps: Reconciling,
  run: TestnetRun,
  testnet: TestnetObject,
): Promise<void> {
  const { namespace = '', name } = testnet.metadata;
  const objects = faultsOf(deps, namespace, name);
  for (const object of objects) {
    const outcome = await take(deps, run, object);
    await deps.status.writeFault(object, statusOf(object, outcome, deps.clock.now()));
  }
  const uids = new Set(objects.map(({ metadata }) => metadata.uid));
  const { adHoc, cleared } = run.course();
  for (const [fault, { uid }] of adHoc) {
    if (uids.has(uid) || cleared.has(fault)) continue;
    await clearFault(run, fault, deps.clock.now());
  }
}

/** Nothing is done about one that is over. */
export async function clearFault(run: TestnetRun, fault: string, now: number): Promise<void> {
  if (run.running.state.faults[fault]?.healed !== undefined) return;
  await run.change({ what: 'clear', fault, atMs: sinceTimeZero(run, now) });
  run.running.events.note('fault-cleared', `fault ${fault} is cleared`, { fault });
}

/** Nobody is there whom they could disturb. */
export async function refuseFaults(deps: Reconciling, key: string): Promise<undefined> {
  const [namespace = '', name = ''] = key.split('/');
  for (const object of faultsOf(deps, namespace, name)) {
    const message = `there is no Testnet ${name} in this namespace`;
    const outcome = { is: 'waiting', reason: 'TestnetNotFound', message } as const;
    await deps.status.writeFault(object, statusOf(object, outcome, deps.clock.now()));
  }
}

type Outcome =
  | { readonly is: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly is: 'refused'; readonly reason: string; readonly message: string }
  | {
      readonly is: 'taken';
      readonly fault: FaultState | undefined;
      readonly warnings: readonly string[];
    };

function faultsOf(
  { faults }: Pick<Reconciling, 'faults'>,
  namespace: string,
  testnet: string,
): readonly FaultObject[] {
  return faults
    .values()
    .filter(({ metadata, spec }) => metadata.namespace === namespace && spec.testnet === testnet)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

async function take(deps: Reconciling, run: TestnetRun, object: FaultObject): Promise<Outcome> {
  const { name, uid = '' } = object.metadata;
  const { plan, adHoc } = run.course();
  const { state } = run.running;
  const known = adHoc.get(name);
  if (known?.uid === uid) {
    return { is: 'taken', fault: state.faults[name], warnings: known.warnings };
  }
  const document = acceptFault(object);
  if (!('accepted' in document)) {
    return refused('SpecInvalid', linesOf(document.problems));
  }
  if (state.t0 === undefined) {
    return { is: 'waiting', reason: 'TestnetStarting', message: 'the testnet is still starting' };
  }
  if (state.ended !== undefined && !run.running.keep) {
    return refused('RunOver', 'the run is over');
  }
  const atMs = sinceTimeZero(run, deps.clock.now());
  const { spec } = document.accepted;
  const planned = planFault(plan, spec, { name, acceptedAtMs: atMs });
  if (planned.fault === undefined) {
    const errors = planned.problems.filter(({ severity }) => severity === 'error');
    return refused('SpecInvalid', linesOf(errors));
  }
  try {
    await run.change({ what: 'fault', uid, document: document.accepted, atMs });
  } catch (error) {
    if (error instanceof PeerstormError) return refused('CapabilityMissing', error.message);
    throw error;
  }
  const told = `fault ${name} (${planned.fault.kind}) is accepted`;
  run.running.events.note('fault-accepted', told, { fault: name });
  const note = { type: 'Normal', reason: 'Accepted', action: 'Accept', note: told } as const;
  deps.notices.tell(object, note);
  const { warnings = [] } = run.course().adHoc.get(name) ?? {};
  return { is: 'taken', fault: undefined, warnings };
}

function refused(reason: string, message: string): Outcome {
  return { is: 'refused', reason, message };
}

function statusOf(
  { metadata: { generation = 0 }, status: previous }: FaultObject,
  outcome: Outcome,
  now: number,
): NonNullable<FaultObject['status']> {
  const conditions = conditionsOf(outcome).map((found) =>
    dated(found, { previous, generation, now }),
  );
  const { start, end, proof } = (outcome.is === 'taken' ? outcome.fault : undefined) ?? {};
  return {
    observedGeneration: generation,
    conditions,
    ...(start === undefined ? {} : { start: timeOf(start) }),
    ...(end === undefined ? {} : { end: timeOf(end) }),
    ...(proof === undefined ? {} : { proof }),
  };
}

/** kstatus: taken and due means ready. */
function conditionsOf(outcome: Outcome): readonly Found[] {
  if (outcome.is !== 'taken') {
    const { is, reason, message } = outcome;
    const final = is === 'refused';
    return [
      condition('Accepted', final ? 'False' : 'Unknown', reason, message),
      condition('Ready', 'False', reason, message),
      condition('Reconciling', final ? 'False' : 'True', reason, final ? '' : message),
      condition('Stalled', final ? 'True' : 'False', reason, final ? message : ''),
    ];
  }
  const { enforced, healed, lost } = outcome.fault ?? {};
  const reason =
    lost === true ? 'NotApplied' : healed !== undefined ? 'Over' : enforced ? 'Active' : 'Planned';
  const ready = reason === 'Active' || reason === 'Over';
  const moves = reason === 'Planned' ? 'True' : 'False';
  return [
    outcome.warnings.length === 0
      ? condition('Accepted', 'True', 'SpecValid', 'the fault is part of the run')
      : condition('Accepted', 'True', faultWarned, outcome.warnings.join('\n')),
    condition('Ready', ready ? 'True' : 'False', reason, ''),
    condition('Reconciling', moves, reason, ''),
    condition('Stalled', lost === true ? 'True' : 'False', reason, ''),
    condition('FaultsApplied', enforced === undefined ? 'False' : 'True', reason, ''),
  ];
}
