// The stored form of the state: tuples in the order of the plan instead of names, so that the
// largest run (256 faults, 256 expectations, names in any script) fits in 64 KiB. It is read back
// with the same plan; faults that were appended to it follow in their order.
import type { Plan } from '../plan/plan.ts';
import type { ExpectationState, FaultState, RunState } from './state.ts';

type FaultTuple = readonly [
  start: number,
  end: number | null,
  enforced: number | null,
  healed: number | null,
  seen: number | null,
  proof: FaultState['proof'] | null,
  lost: 0 | 1,
];
type ExpectationTuple = readonly [
  verdict: ExpectationState['verdict'],
  samples: number,
  at: number | null,
  since: number | null,
  worst: number | null,
  last: number | null,
  best: number | null,
  extremeAt: number | null,
  node: string | null,
  reason: ExpectationState['reason'] | null,
];

/** Plain JSON. Times of faults are relative to time 0. */
export type StoredState = Omit<RunState, 'faults' | 'expectations'> & {
  readonly version: 1;
  readonly faults: readonly FaultTuple[];
  readonly expectations: readonly ExpectationTuple[];
};

export function storeState(plan: Plan, state: RunState): StoredState {
  const zero = state.t0 ?? 0;
  const since = (time: number | undefined): number | null =>
    time === undefined ? null : time - zero;
  const faults = plan.faults.flatMap(({ name }): FaultTuple[] => {
    const one = state.faults[name];
    if (one === undefined) return [];
    const { start, end, enforced, healed, seen, proof = null } = one;
    const lost = one.lost === true ? 1 : 0;
    return [[start - zero, since(end), since(enforced), since(healed), since(seen), proof, lost]];
  });
  const expectations = plan.expectations.map(({ name }): ExpectationTuple => {
    const one = state.expectations[name] ?? { verdict: 'pending', samples: 0 };
    const { verdict, samples, at = null, since = null, worst = null, last = null } = one;
    const { best = null, extremeAt = null, node = null, reason = null } = one;
    return [verdict, samples, at, since, worst, last, best, extremeAt, node, reason];
  });
  return { version: 1, ...state, faults, expectations };
}

export function restoreState(plan: Plan, stored: StoredState): RunState {
  const { version: _, faults, expectations, ...rest } = stored;
  const zero = rest.t0 ?? 0;
  return {
    ...rest,
    faults: Object.fromEntries(
      faults.flatMap((tuple, index) => {
        const name = plan.faults[index]?.name;
        return name === undefined ? [] : [[name, faultOf(tuple, zero)]];
      }),
    ),
    expectations: Object.fromEntries(
      expectations.flatMap((tuple, index) => {
        const name = plan.expectations[index]?.name;
        return name === undefined ? [] : [[name, expectationOf(tuple)]];
      }),
    ),
  };
}

function faultOf(tuple: FaultTuple, zero: number): FaultState {
  const [start, end, enforced, healed, seen, proof, lost] = tuple;
  return {
    start: start + zero,
    ...(end !== null && { end: end + zero }),
    ...(enforced !== null && { enforced: enforced + zero }),
    ...(healed !== null && { healed: healed + zero }),
    ...(seen !== null && { seen: seen + zero }),
    ...(proof && { proof }),
    ...(lost === 1 && { lost: true }),
  };
}

function expectationOf(tuple: ExpectationTuple): ExpectationState {
  const [verdict, samples, at, since, worst, last, best, extremeAt, node, reason] = tuple;
  return {
    verdict,
    samples,
    ...(at !== null && { at }),
    ...(since !== null && { since }),
    ...(worst !== null && { worst }),
    ...(last !== null && { last }),
    ...(best !== null && { best }),
    ...(extremeAt !== null && { extremeAt }),
    ...(node !== null && { node }),
    ...(reason && { reason }),
  };
}
