// A scripted world for the tests of decide: nodes, enforcer and observer as a few lines each, on
// virtual time. It does what decide wants after the delays of its script, and nothing else. The
// supervisor can be killed at any tick: the state is then read back from JSON and all else that a
// supervisor holds is lost.
import { type Decision, decide, initialState } from '../src/decide/decide.ts';
import { absencesOf, type DesiredRun } from '../src/decide/nodes.ts';
import type { Observed, Proof, Stop } from '../src/decide/observed.ts';
import type { RunState } from '../src/decide/state.ts';
import { restoreState, storeState } from '../src/decide/stored.ts';
import type { PlacedEffect } from '../src/faults/effect.ts';
import { type NodeName, nodeName } from '../src/names.ts';
import { type Answer, drawSample, type SampleMemory } from '../src/network/network.ts';
import type { Observation } from '../src/network/observation.ts';
import type { Sample } from '../src/network/sample.ts';
import type { Plan, PlannedExpectation, PlannedFault, PlannedGroup } from '../src/plan/plan.ts';
import type { Enforcement, NodeWorld, World } from '../src/runtime/runtime.ts';

export const epoch = 1_790_000_000_000;
const tickMs = 250;

export type Script = {
  readonly plan: Plan;
  /** What a node that runs says; times are milliseconds from time 0. Default: all is well. */
  readonly observe?: (node: NodeName, t: number) => Observation;
  /** Nodes that die by themselves, once; before time 0: from the start of the run. */
  readonly deaths?: readonly { readonly node: NodeName; readonly at: number }[];
  readonly readyAfterMs?: number;
  /** Takes so much longer than the others to be ready. */
  readonly slow?: { readonly node: NodeName; readonly byMs: number };
  /** From the start of the run: until then this node has no fresh answer. */
  readonly unheard?: { readonly node: NodeName; readonly untilMs: number };
  readonly exitAfterMs?: number;
  /** Goes on answering while it is paused. */
  readonly sleepless?: NodeName;
  readonly enforceAfterMs?: number;
  /** Default: proved. Undefined: never judged. */
  readonly proof?: (fault: string) => Proof | undefined;
  readonly pendingMs?: number;
  /** From time 0: packets pass for want of a lease. */
  readonly lapseAt?: number;
  readonly logCounts?: (t: number) => Record<string, number>;
  readonly stop?: { readonly at: number; readonly stop: Stop };
  /** No samples in between. */
  readonly blind?: readonly [from: number, to: number];
  /** From time 0: the enforcer's reports do not arrive in between; what it does goes on. */
  readonly outOfReach?: readonly [from: number, to: number];
  readonly voids?: readonly string[];
  /** The plan from that moment on: faults applied by hand. */
  readonly replan?: readonly { readonly at: number; readonly faults: readonly PlannedFault[] }[];
  readonly failFast?: boolean;
  readonly keep?: boolean;
  readonly forMs?: number;
};

export type Played = {
  readonly state: RunState;
  readonly events: readonly string[];
  readonly decisions: readonly (Decision & { readonly now: number })[];
  readonly samples: readonly Sample[];
};

/** Plays the script to its end, or for `forMs` (default ten minutes). */
export function play(script: Script, killedAtTick?: number): Played {
  const stage = createStage(script);
  let state = initialState(script.plan);
  let memory: SampleMemory = new Map();
  let sample: Sample | undefined;
  const decisions: (Decision & { now: number })[] = [];
  const samples: Sample[] = [];
  const ticks = (script.forMs ?? 600_000) / tickMs;
  for (let tick = 0; tick < ticks; tick += 1) {
    const now = epoch + tick * tickMs;
    const plan = planAt(script, state, now);
    if (tick === killedAtTick) {
      state = restoreState(plan, JSON.parse(JSON.stringify(storeState(plan, state))));
      memory = new Map();
      sample = undefined;
    }
    const seen = stage.look(now, state.t0);
    const t = state.t0 === undefined ? -1 : now - state.t0;
    const due = t >= 0 && t % 1_000 === 0 && !isBlind(script, t);
    if (due) {
      const moment = { plan, now, observed: seen };
      const drawn = drawSample({
        plan,
        t,
        now,
        memory,
        ...seen,
        observations: stage.answers,
        absences: absencesOf(moment, state),
        cuts: effectsInForce(plan, state),
      });
      ({ sample, memory } = drawn);
      samples.push(sample);
    }
    const decision = decide(plan, state, observedBy(script, seen, { state, sample, now }), now);
    ({ state } = decision);
    decisions.push({ ...decision, now });
    stage.obey(decision, now);
    if (state.ended !== undefined && script.keep !== true) break;
  }
  const events = decisions.flatMap(({ events }) => events.map(({ event }) => event));
  return { state, events, decisions, samples };
}

/** `count` nodes in one group, each a peer of every other, in one wave. */
export function scriptedPlan(
  count: number,
  parts: Partial<Omit<Plan, 'groups'>> & { readonly restartPolicy?: 'never' | 'always' } = {},
): Plan {
  const { restartPolicy = 'never', ...rest } = parts;
  const names = Array.from({ length: count }, (_, index) => nodeName('full', index));
  const group: PlannedGroup = {
    name: 'full',
    kind: 'reference',
    role: 'full',
    bootstrap: true,
    restartPolicy,
    via: 'address',
    seeds: names.slice(0, 1),
    config: {},
  };
  return {
    testnet: 'scripted',
    randomSeed: 1,
    hash: 'ab'.repeat(32),
    protocol: 'reference',
    sampleIntervalMs: 1_000,
    packets: 'mtu',
    discovers: false,
    addressing: { pool: 'private', netgroups: 1 },
    regions: [],
    groups: [group],
    nodes: names.map((name, index) => ({
      name,
      group: 'full',
      index,
      region: '',
      address: addressOf(index),
      dials: [],
      peered: true,
    })),
    base: [],
    waves: [names],
    faults: [],
    expectations: [],
    ...rest,
  };
}

export function addressOf(index: number): string {
  return `10.64.${index >> 8}.${index & 255}`;
}

/** The first `size` nodes against the rest. */
export function splitFault(
  plan: Plan,
  fault: { readonly name: string; readonly startMs: number; readonly endMs?: number; size: number },
): PlannedFault {
  const names = plan.nodes.map(({ name }) => name);
  const [from, to] = [names.slice(0, fault.size), names.slice(fault.size)];
  const drop = { fault: fault.name, impairment: { kind: 'drop' as const } };
  const { size: _, ...rest } = fault;
  return {
    ...rest,
    kind: 'partition',
    effects: [
      { ...drop, from, to },
      { ...drop, from: to, to: from },
    ],
  };
}

export function nodeFault(
  action: 'kill' | 'pause' | 'restart',
  fault: {
    readonly name: string;
    readonly startMs: number;
    readonly endMs?: number;
    readonly targets: readonly NodeName[];
    readonly downtimeMs?: number;
  },
): PlannedFault {
  const { targets, downtimeMs = 0, ...rest } = fault;
  const nodes = { action, targets, downtimeMs, signal: action === 'kill' ? 'SIGKILL' : 'SIGTERM' };
  return { ...rest, kind: action, effects: [], nodes };
}

/** All see each other and agree. */
export function healthy(plan: Plan, over: Partial<Observation> = {}): Observation {
  return {
    peers: plan.nodes.map(({ address }) => ({ address, direction: 'outbound' })),
    height: 7,
    tip: 'a7',
    ...over,
  };
}

export function metricExpectation(
  name: string,
  rest: Omit<Extract<PlannedExpectation, { readonly metric: string }>, 'name'>,
): PlannedExpectation {
  return { name, ...rest };
}

function planAt(script: Script, { t0 }: RunState, now: number): Plan {
  const t = t0 === undefined ? -1 : now - t0;
  const latest = script.replan?.findLast(({ at }) => t >= at);
  return latest === undefined ? script.plan : { ...script.plan, faults: latest.faults };
}

function isBlind({ blind }: Script, t: number): boolean {
  return blind !== undefined && t > blind[0] && t < blind[1];
}

function observedBy(
  script: Script,
  seen: Pick<Observed, 'world' | 'ready'>,
  at: { readonly state: RunState; readonly sample: Sample | undefined; readonly now: number },
): Observed {
  const { t0 = epoch, faults } = at.state;
  const t = at.now - t0;
  const over = Object.entries(faults).filter(([, { healed }]) => healed !== undefined);
  const pending = over.filter(
    ([, { healed = 0 }]) => at.now < healed + (script.pendingMs ?? 1_000),
  );
  const proofs = over.flatMap(([name]) => {
    const proof = script.proof === undefined ? { outcome: 'proved' as const } : script.proof(name);
    return proof === undefined ? [] : [[name, proof] as const];
  });
  const { unheard, outOfReach: [from, to] = [0, 0] } = script;
  const isUnheard = unheard !== undefined && at.now - epoch < unheard.untilMs;
  const stops = script.stop !== undefined && at.now - epoch >= script.stop.at;
  return {
    ...seen,
    ...(at.sample !== undefined && { sample: at.sample }),
    ...(isUnheard && { unheard: [unheard.node] }),
    logCounts: script.logCounts?.(t) ?? {},
    proofs: Object.fromEntries(proofs),
    proofsPending: new Set(pending.map(([name]) => name)),
    ...(stops && script.stop !== undefined && { stop: script.stop.stop }),
    ...(to > from && { contactLossMs: to - from }),
    voids: at.state.t0 === undefined ? [] : (script.voids ?? []),
    failFast: script.failFast ?? false,
    keep: script.keep ?? false,
  };
}

type Actor = { world: NodeWorld; readyAt: number; leavesAt?: number };

function createStage(script: Script) {
  const actors = new Map<NodeName, Actor>();
  const answers = new Map<NodeName, Answer>();
  const deaths = new Set(script.deaths);
  let schedule: Decision['schedule'] = { generation: 0, effects: [] };
  const applied: Record<string, { enforcedAt?: number; healedAt?: number }> = {};
  let lapsedPackets = 0;
  let reported: Enforcement | undefined;

  const live = (now: number, t0: number | undefined): void => {
    for (const death of deaths) {
      const actor = actors.get(death.node);
      if (now < (t0 ?? epoch) + death.at || actor === undefined) continue;
      if (death.at >= 0 && t0 === undefined) continue;
      deaths.delete(death);
      actor.world = exited(actor.world, { at: now, code: 1, signal: null, asked: false });
    }
    for (const [name, actor] of actors) {
      if (actor.leavesAt !== undefined && now >= actor.leavesAt && actor.world.phase !== 'exited') {
        actor.world = exited(actor.world, { at: now, code: 0, signal: 'SIGTERM', asked: true });
      }
      const awake = actor.world.phase === 'running' || name === script.sleepless;
      if (!awake || now < actor.readyAt) continue;
      const t = t0 === undefined ? -1 : now - t0;
      answers.set(name, { at: now, observation: observeBy(script, name, t) });
    }
  };

  const enforce = (now: number, t0: number | undefined): Enforcement => {
    const delay = script.enforceAfterMs ?? 5;
    for (const { fault, start, end } of schedule.effects) {
      const entry = (applied[fault] ??= {});
      if (now >= start + delay) entry.enforcedAt ??= start + delay;
      const over = end !== undefined && now >= end + delay;
      if (over && entry.enforcedAt !== undefined) entry.healedAt ??= end + delay;
    }
    if (script.lapseAt !== undefined && t0 !== undefined && now - t0 >= script.lapseAt) {
      lapsedPackets = 9;
    }
    const [from, to] = script.outOfReach ?? [0, 0];
    const t = now - (t0 ?? now);
    if (reported !== undefined && t > from && t < to) return reported;
    const { generation } = schedule;
    const faults = structuredClone(applied);
    reported = { host: 'local', generation, appliedAt: now, faults, counters: {}, lapsedPackets };
    return reported;
  };

  const look = (now: number, t0: number | undefined): Pick<Observed, 'world' | 'ready'> => {
    live(now, t0);
    const world: World = {
      nodes: new Map([...actors].map(([name, { world }]) => [name, world])),
      enforcement: [enforce(now, t0)],
    };
    const ready = [...actors].flatMap(([name, { world, readyAt }]) =>
      world.phase === 'running' && now >= readyAt ? [name] : [],
    );
    return { world, ready: new Set(ready) };
  };

  const obey = (decision: Decision, now: number): void => {
    schedule = decision.schedule;
    for (const [name, wish] of decision.desired) {
      if (wish.run === 'held') continue;
      const actor = actors.get(name);
      if (actor === undefined || wish.incarnation > actor.world.incarnation) {
        const slowness = script.slow?.node === name ? script.slow.byMs : 0;
        const readyAt = now + (script.readyAfterMs ?? 1_000) + slowness;
        actors.set(name, begun(wish, readyAt, now));
      } else if (actor.world.phase !== 'exited') {
        if (wish.run === 'stopped') actor.leavesAt ??= now + (script.exitAfterMs ?? 100);
        else actor.world = { ...actor.world, phase: wish.run };
      }
    }
  };
  return { look, obey, answers };
}

function begun({ incarnation }: DesiredRun, readyAt: number, now: number): Actor {
  return { world: { incarnation, phase: 'running', addresses: [], startedAt: now }, readyAt };
}

function exited(world: NodeWorld, exit: NonNullable<NodeWorld['exit']>): NodeWorld {
  return { ...world, phase: 'exited', exit };
}

function observeBy(script: Script, node: NodeName, t: number): Observation {
  return script.observe?.(node, t) ?? healthy(script.plan);
}

/** Effects of the faults that are in force now. */
function effectsInForce(plan: Plan, state: RunState): readonly PlacedEffect[] {
  return plan.faults.flatMap((planned) => {
    const known = state.faults[planned.name];
    return known?.enforced !== undefined && known.healed === undefined ? planned.effects : [];
  });
}
