import { describe, expect, test } from 'vitest';
import {
  epoch,
  healthy,
  metricExpectation,
  nodeFault,
  type Played,
  play,
  type Script,
  scriptedPlan,
  splitFault,
} from '../../test/scripted.ts';
import { nodeName } from '../names.ts';
import type { Observation } from '../network/observation.ts';
import type { Plan } from '../plan/plan.ts';
import type { Proof } from './observed.ts';

const base = scriptedPlan(6);
const names = base.nodes.map(({ name }) => name);
const cut = splitFault(base, { name: 'cut', startMs: 10_000, endMs: 20_000, size: 3 });
const equals = (value: number) => ({ compare: '==' as const, value });
const atLeast = (value: number) => ({ compare: '>=' as const, value });
const fork = metricExpectation('halves fork', {
  window: { kind: 'during', fault: 'cut', throughout: false, settleMs: 2_000, staysMs: 3_000 },
  metric: 'distinct_tips',
  claim: atLeast(2),
});
const heal = metricExpectation('chain heals', {
  window: { kind: 'after', fault: 'cut', withinMs: 10_000, settleMs: 0, staysMs: 3_000 },
  metric: 'distinct_tips',
  claim: equals(1),
});
const whole = metricExpectation('two parts', {
  window: { kind: 'during', fault: 'cut', throughout: true, settleMs: 1_000, staysMs: 0 },
  metric: 'components',
  claim: equals(2),
});
const peered = metricExpectation('nobody alone', {
  window: { kind: 'always', except: ['cut'], settleMs: 3_000 },
  metric: 'node_peers_live',
  of: names,
  aggregate: 'min',
  claim: atLeast(5),
});
const splitPlan: Plan = {
  ...base,
  faults: [cut],
  expectations: [fork, heal, whole, peered],
};
/** The halves disagree from 12 s to 24 s. */
const forked = (node: string, t: number): Observation =>
  healthy(base, { tip: t > 12_000 && t < 24_000 && node < 'full-3' ? 'b7' : 'a7' });
const split: Script = { plan: splitPlan, observe: forked };
const exit = ({ state }: Played) => state.ended?.exit;
const verdicts = ({ state }: Played) =>
  Object.fromEntries(
    Object.entries(state.expectations).map(([name, { verdict, reason }]) => [
      name,
      reason ?? verdict,
    ]),
  );

const only = (fault: Plan['faults'][number], ...expectations: Plan['expectations']): Plan => ({
  ...base,
  faults: [fault],
  expectations,
});

const judged = (outcome: Proof['outcome'], note: string) => () => ({ outcome, note });

describe('a run of split and heal', () => {
  const played = play(split);

  test('passes, with each step told once and in order', () => {
    expect(verdicts(played)).toEqual({
      'halves fork': 'passed',
      'chain heals': 'passed',
      'two parts': 'passed',
      'nobody alone': 'passed',
    });
    expect(exit(played)).toBe(0);
    expect(played.events).toEqual([
      'ready',
      'fault-enforced',
      'expectation-passed',
      'fault-healed',
      'expectation-passed',
      'fault-proved',
      'expectation-passed',
      'expectation-passed',
      'ended',
    ]);
  });

  test('hands out absolute effects once, and no generation without a change', () => {
    const generations = new Set(played.decisions.map(({ schedule }) => schedule.generation));
    expect([...generations]).toEqual([0, 1]);
    const { effects } = played.decisions.at(-1)?.schedule ?? { effects: [] };
    const t0 = played.state.t0 ?? 0;
    expect(effects.map(({ start, end }) => [start - t0, (end ?? 0) - t0])).toEqual([
      [10_000, 20_000],
      [10_000, 20_000],
    ]);
  });
});

describe('the start', () => {
  test('goes wave by wave', () => {
    const waves = [names.slice(0, 2), names.slice(2, 4), names.slice(4)];
    const played = play({ plan: { ...splitPlan, waves }, observe: forked });
    const counts = played.decisions.map(
      ({ desired }) => [...desired.values()].filter(({ run }) => run !== 'held').length,
    );
    expect(played.decisions.every(({ desired }) => desired.size === 6)).toBe(true);
    expect([...new Set(counts)]).toEqual([2, 4, 6]);
    expect(counts.toSorted((a, b) => a - b)).toEqual(counts);
    expect(played.events.filter((event) => event === 'wave')).toHaveLength(2);
    expect(exit(played)).toBe(0);
  });

  test.each([
    ['all of the first wave', 1, [8_000, 9_000, 10_000]],
    ['half of a later one', 3, [1_000, 2_000, 9_000]],
  ])('waits for %s, and for all before the newest', (_, at, starts) => {
    const waves = [names.slice(0, 2), names.slice(2, 4), names.slice(4, 5), names.slice(5)];
    const slow = { node: nodeName('full', at), byMs: 7_000 };
    const { decisions } = play({ plan: { ...splitPlan, waves }, observe: forked, slow });
    const began = (index: number) => decisions.find(({ wave }) => wave.index === index)?.now ?? 0;
    const seconds = [1, 2, 3].map((index) => Math.floor((began(index) - epoch) / 1_000) * 1_000);
    expect(seconds).toEqual(starts);
  });

  test('is over when the first sample will count everybody', () => {
    const plan = { ...splitPlan, waves: [names.slice(0, 3), names.slice(3)] };
    const unheard = { node: nodeName('full', 1), untilMs: 7_000 };
    const { decisions } = play({ plan, observe: forked, unheard });
    // The next wave waits for nobody's answer.
    expect(decisions.find(({ wave }) => wave.index === 1)?.now).toBeLessThan(epoch + 3_000);
    expect(decisions.find(({ phase }) => phase === 'running')?.now).toBe(epoch + 7_000);
  });

  test('fails the run when a node dies before time 0', () => {
    const played = play({ ...split, deaths: [{ node: nodeName('full', 1), at: -1 }] });
    expect(exit(played)).toBe(3);
    expect(played.state.problems.map(({ code }) => code)).toEqual(['START_FAILED']);
    expect(new Set(Object.values(verdicts(played)))).toEqual(new Set(['aborted']));
    const last = played.decisions.at(-1)?.desired.values() ?? [];
    expect([...last].every(({ run }) => run === 'stopped')).toBe(true);
  });
});

describe('nodes', () => {
  const victim = nodeName('full', 2);
  const each = metricExpectation('each has peers', {
    window: { kind: 'always', except: [], settleMs: 0 },
    metric: 'node_peers',
    of: names,
    claim: atLeast(1),
  });
  const runsOf = (played: Played) => [
    ...new Set(
      played.decisions.flatMap(({ desired, phase }) => {
        const wish = desired.get(victim);
        return phase === 'ended' || !wish ? [] : [`${wish.run} ${wish.incarnation}`];
      }),
    ),
  ];

  test.each([
    ['kill', nodeFault('kill', { name: 'f', startMs: 5_000, targets: [victim] })],
    ['pause', nodeFault('pause', { name: 'f', startMs: 5_000, endMs: 12_000, targets: [victim] })],
    [
      'restart',
      nodeFault('restart', { name: 'f', startMs: 5_000, downtimeMs: 6_000, targets: [victim] }),
    ],
  ])('%s takes its targets down, is proved, and nobody is missed', (action, fault) => {
    const played = play({ plan: only(fault, each), proof: () => undefined });
    expect([exit(played), played.state.faults['f']?.proof]).toEqual([0, 'proved']);
    expect(verdicts(played)).toEqual({ 'each has peers': 'passed' });
    expect(runsOf(played)).toEqual(
      {
        kill: ['running 0', 'stopped 0'],
        pause: ['running 0', 'paused 0'],
        restart: ['running 0', 'stopped 0', 'running 1'],
      }[action],
    );
  });

  test('a restart waits for its downtime, and for the old process to be gone', () => {
    for (const [downtimeMs, exitAfterMs, seconds] of [
      [6_000, 100, 6],
      [1_000, 3_000, 3],
    ] as const) {
      const f = nodeFault('restart', { name: 'f', startMs: 5_000, downtimeMs, targets: [victim] });
      const down = play({ plan: only(f, each), exitAfterMs }).decisions.filter(
        ({ desired, phase }) => phase === 'running' && desired.get(victim)?.run === 'stopped',
      );
      expect(down.length / 4).toBe(seconds);
    }
  });

  test('a node that is restarted twice gets two successors', () => {
    const [one, two] = [5_000, 15_000].map((startMs) =>
      nodeFault('restart', { name: `at-${startMs}`, startMs, targets: [victim] }),
    );
    const played = play({ plan: { ...base, faults: [one, two].filter((f) => f !== undefined) } });
    expect(exit(played)).toBe(0);
    expect(runsOf(played)).toEqual([
      'running 0',
      'stopped 0',
      'running 1',
      'stopped 1',
      'running 2',
    ]);
  });

  test('killing a node that is gone already proves nothing', () => {
    const kill = nodeFault('kill', { name: 'f', startMs: 5_000, targets: [victim] });
    const played = play({ plan: only(kill, each), deaths: [{ node: victim, at: 3_000 }] });
    expect([exit(played), played.state.faults['f']?.proof]).toEqual([3, 'unproved']);
  });

  test('a killed node may be brought back by a later restart', () => {
    const kill = nodeFault('kill', { name: 'k', startMs: 5_000, targets: [victim] });
    const back = nodeFault('restart', { name: 'r', startMs: 9_000, targets: [victim] });
    const played = play({ plan: { ...only(kill, each), faults: [kill, back] } });
    expect(exit(played)).toBe(0);
    expect(runsOf(played)).toEqual(['running 0', 'stopped 0', 'running 1']);
    expect(played.samples.at(-1)?.nodes.get(victim)?.expected).toBe(true);
  });

  test('a node is left out until it is back and the claim has settled', () => {
    const restart = nodeFault('restart', { name: 'f', startMs: 5_000, targets: [victim] });
    // Back at about 6.5 s, without peers until 9 s.
    const alone = (node: string, t: number): Observation =>
      healthy(base, node === victim && t > 5_000 && t < 9_000 ? { peers: [] } : {});
    const end = metricExpectation('end', {
      window: { kind: 'at', atMs: 15_000 },
      metric: 'components',
      claim: equals(1),
    });
    const settling = { ...each, window: { kind: 'always', except: [], settleMs: 4_000 } } as const;
    const strict = play({ plan: only(restart, each, end), observe: alone });
    const patient = play({ plan: only(restart, settling, end), observe: alone });
    expect(verdicts(strict)).toEqual({ 'each has peers': 'violated', end: 'passed' });
    expect(strict.state.expectations['each has peers']?.node).toBe(victim);
    expect(verdicts(patient)).toEqual({ 'each has peers': 'passed', end: 'passed' });
  });

  test('one that dies unasked fails the run, which goes on to its end', () => {
    const plan = { ...splitPlan, expectations: [...splitPlan.expectations, each] };
    const played = play({ plan, observe: forked, deaths: [{ node: victim, at: 4_000 }] });
    expect(exit(played)).toBe(1);
    expect(played.state.problems[0]?.code).toBe('NODE_FAILED');
    expect(played.state.problems[0]?.message).toMatch(/^full-2 ended by itself with status 1 at 4/);
    expect(verdicts(played)['each has peers']).toBe('silent');
    expect(verdicts(played)['chain heals']).toBe('passed');
    expect(runsOf(played)).toEqual(['running 0', 'stopped 0']);
  });

  test('restartPolicy always starts it again after a while', () => {
    const plan = { ...scriptedPlan(6, { restartPolicy: 'always' }), faults: [cut] };
    const played = play({ plan, deaths: [{ node: victim, at: 4_000 }] });
    expect(exit(played)).toBe(0);
    expect(runsOf(played)).toEqual(['running 0', 'stopped 0', 'running 1']);
  });

  test('a restart whose node dies again is not proved', () => {
    const restart = nodeFault('restart', { name: 'f', startMs: 5_000, targets: [victim] });
    const played = play({
      plan: only(restart, each),
      readyAfterMs: 2_000,
      deaths: [{ node: victim, at: 6_000 }],
    });
    expect(exit(played)).toBe(3);
    expect(played.state.faults['f']?.proof).toBe('unproved');
  });

  test('a node that answers while it is paused shows that it is not', () => {
    const pause = nodeFault('pause', {
      name: 'f',
      startMs: 5_000,
      endMs: 12_000,
      targets: [victim],
    });
    const calm = play({ plan: only(pause, each) });
    const answered = calm.samples.flatMap(({ t, nodes }) =>
      nodes.get(victim)?.answering === true ? [t / 1_000] : [],
    );
    // For 2 s the last answer still counts.
    expect(answered.filter((t) => t < 14)).toEqual([1, 2, 3, 4, 5, 6, 7, 13]);
    expect(calm.state.faults['f']?.seen).toBe((calm.state.t0 ?? 0) + 5_250);
    const sleepless = play({ plan: only(pause, each), sleepless: victim });
    expect([exit(sleepless), sleepless.state.faults['f']?.proof]).toEqual([3, 'unproved']);
  });
});

describe('faults', () => {
  const cases: [string, Partial<Script>, string][] = [
    ['began late', { enforceAfterMs: 1_400 }, '3 RUN_VOID'],
    ['was never in force', { enforceAfterMs: 1e9 }, '3 FAULT_UNPROVED EXPECTATION_UNJUDGED'],
    ['leaked', { proof: judged('unproved', '3 leaks') }, '3 FAULT_UNPROVED'],
    ['is uncertain', { proof: judged('inconclusive', 'few probes') }, '3 FAULT_UNPROVED'],
    ['nobody judged', { proof: () => undefined }, '3 FAULT_UNPROVED'],
    ['lost its lease', { lapseAt: 15_000 }, '3 FAULT_UNPROVED'],
    ['lost its lease when over', { lapseAt: 25_000 }, '0'],
    ['shared a void run', { voids: ['cpu over 85 % for 12 s'] }, '3 RUN_VOID'],
  ];
  test.each(cases)('one that %s', (_, change, outcome) => {
    const played = play({ ...split, ...change });
    const codes = new Set(played.state.problems.map(({ code }) => code));
    expect([exit(played), ...codes].join(' ')).toBe(outcome);
  });

  test('one that is late says by how much, at both ends', () => {
    const { problems } = play({ ...split, enforceAfterMs: 1_400 }).state;
    const messages = problems.map(({ message }) => message);
    expect(messages).toEqual(['fault cut began 1.4s late', 'fault cut ended 1.4s late']);
  });

  test('a proof that is still being taken is waited for', () => {
    const played = play({ ...split, pendingMs: 20_000 });
    const { t0 = 0, ended } = played.state;
    expect(exit(played)).toBe(0);
    expect((ended?.at ?? 0) - t0).toBeGreaterThanOrEqual(40_000);
  });

  test('a heal that is heard of a minute later still waits for its proof', () => {
    const played = play({
      plan: { ...split.plan, expectations: [] },
      outOfReach: [12_000, 80_000],
    });
    const { t0 = 0, faults, problems } = played.state;
    expect([exit(played), problems]).toEqual([0, []]);
    expect((faults['cut']?.healed ?? 0) - t0).toBe(20_005);
    expect((faults['cut']?.seen ?? 0) - t0).toBe(80_000);
  });

  test('one whose proof did not come in time stays without', () => {
    const given: Proof = { outcome: 'proved' };
    let asked = 0;
    const proof = () => (++asked > 200 ? given : undefined);
    const played = play({ ...split, proof, keep: true, forMs: 120_000 });
    expect(played.state.faults['cut']?.proof).toBe('inconclusive');
    expect(asked).toBeGreaterThan(200);
  });

  test('one that is applied by hand and cleared raises the generation twice', () => {
    const open = splitFault(base, { name: 'hand', startMs: 12_000, size: 2 });
    const played = play({
      plan: base,
      replan: [
        { at: 12_100, faults: [open] },
        { at: 30_000, faults: [{ ...open, endMs: 30_000 }] },
      ],
      keep: true,
      forMs: 45_000,
    });
    const { t0 = 0, faults, ended } = played.state;
    expect(played.state.generation).toBe(2);
    // Known 250 ms after its start: it is not late, it starts then.
    expect((faults['hand']?.start ?? 0) - t0).toBe(12_250);
    expect((faults['hand']?.enforced ?? 0) - t0).toBe(12_255);
    expect((faults['hand']?.healed ?? 0) - t0).toBe(30_005);
    expect(faults['hand']?.proof).toBe('proved');
    expect(ended).toBeUndefined();
    const parts = played.samples.map(({ network }) => network['components']);
    expect([parts[11], parts[14], parts[29], parts[32]]).toEqual([1, 2, 2, 1]);
  });
});

describe('the end', () => {
  const alwaysOnly: Plan = { ...base, expectations: [peered] };

  test('comes at spec.duration, where an open claim fails', () => {
    const early = { ...splitPlan, durationMs: 22_000 };
    const played = play({ plan: early, observe: forked });
    expect(exit(played)).toBe(1);
    expect(verdicts(played)).toEqual({
      'halves fork': 'passed',
      'chain heals': 'unsettled',
      'two parts': 'passed',
      'nobody alone': 'passed',
    });
    const calm = play({ plan: { ...alwaysOnly, durationMs: 8_000 } });
    expect(exit(calm)).toBe(0);
    expect((calm.state.ended?.at ?? 0) - (calm.state.t0 ?? 0)).toBe(8_000);
  });

  test.each([
    ['signal', { code: 'signal', exit: 130, message: 'SIGINT' }, 130],
    ['time limit', { code: 'TIMEOUT', exit: 4, message: 'after 15 s' }, 4],
    ['our bug', { code: 'INTERNAL', exit: 70, message: 'oops' }, 70],
  ])('by %s leaves open claims unjudged and heals', (_, stop, status) => {
    const played = play({ ...split, stop: { at: 15_000, stop } });
    expect(exit(played)).toBe(status);
    expect(verdicts(played)['chain heals']).toBe('aborted');
    expect(played.state.faults['cut']?.end).toBe(played.state.ended?.at);
    expect(played.state.generation).toBe(2);
  });

  test('of several exit statuses the gravest counts', () => {
    const played = play({
      ...split,
      deaths: [{ node: nodeName('full', 4), at: 3_000 }],
      voids: ['an OOM kill'],
      stop: { at: 15_000, stop: { code: 'TIMEOUT', exit: 4, message: 'late' } },
    });
    expect(new Set(played.state.problems.map(({ exit }) => exit))).toEqual(new Set([1, 3, 4]));
    expect(exit(played)).toBe(3);
  });

  test('of a testnet that nothing ends is its stop, which settles what always held', () => {
    const down = { code: 'down', exit: 0, message: 'peerstorm down' };
    const played = play({ plan: alwaysOnly, stop: { at: 60_000, stop: down } });
    expect(verdicts(played)).toEqual({ 'nobody alone': 'passed' });
    expect(exit(played)).toBe(0);
  });

  test('keeps a few problems of a sort, and one of each exit status', () => {
    const deaths = names.map((node) => ({ node, at: 3_000 }));
    const { problems } = play({ ...split, deaths, voids: ['late'] }).state;
    const codes = problems.map(({ code }) => code);
    expect(codes.filter((code) => code === 'NODE_FAILED')).toHaveLength(4);
    expect(codes).toContain('RUN_VOID');
  });

  test('comes with the first problem under fail-fast', () => {
    const wrong = { ...fork, claim: atLeast(9) } as Plan['expectations'][number];
    const plan = { ...splitPlan, expectations: [wrong, heal] };
    const played = play({ plan, observe: forked, failFast: true });
    expect(exit(played)).toBe(1);
    expect(verdicts(played)).toEqual({ 'halves fork': 'not-reached', 'chain heals': 'aborted' });
  });

  test('is an error where samples were missing for too long', () => {
    const played = play({ ...split, blind: [26_000, 40_000] });
    expect(exit(played)).toBe(3);
    expect(verdicts(played)['nobody alone']).toBe('unobserved');
    const covered = play({ ...split, blind: [9_500, 19_000] });
    expect(verdicts(covered)['nobody alone']).toBe('passed');
    expect(covered.events).toContain('gap');
  });

  test('keeps the nodes when asked to, and the verdict whatever happens to them', () => {
    const deaths = [{ node: nodeName('full', 1), at: 50_000 }];
    const played = play({ ...split, deaths, keep: true, forMs: 60_000 });
    expect(played.events.filter((event) => event === 'ended')).toHaveLength(1);
    const ended = played.decisions.flatMap(({ state }) => state.ended?.at ?? []);
    expect(new Set(ended).size).toBe(1);
    expect([exit(played), played.state.problems]).toEqual([0, []]);
    const last = played.decisions.at(-1)?.desired;
    expect(last?.get(nodeName('full', 0))?.run).toBe('running');
  });
});
