import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { history, plan, report } from '../../../test/fixtures/made-up-run.ts';
import type { FaultStatus, Status } from '../../session/session.ts';
import { linesOf, noLines, type Watched, withScope } from './lines.ts';
import { renderLive, shareRows } from './live.ts';
import { renderSummary } from './summary.ts';
import { columns, cut, oneLine, painter, safe } from './text.ts';

const plain = painter(false);
const escape = String.fromCharCode(27);
const faults: readonly FaultStatus[] = [
  { name: 'early', kind: 'pause', state: 'over', startsAt: 2, endsAt: 5, proof: 'proved' },
  { name: 'cable-cut', kind: 'partition', state: 'active', startsAt: 20, endsAt: 50 },
  { name: 'flaky', kind: 'link', state: 'planned', startsAt: 70, endsAt: 90 },
];
const status: Status = {
  testnet: 'tour',
  runtime: 'local',
  phase: 'running',
  startedAt: '2026-11-23T06:00:00.000Z',
  elapsed: 31.2,
  nodes: { planned: 26, running: 26, ready: 26 },
  wave: { index: 1, of: 2 },
  metrics: history[31]?.network ?? {},
  faults,
  expectations: [
    { name: 'halves fork', status: 'passed', last: 2 },
    { name: 'chain heals', status: 'pending', last: 2 },
    { name: 'nobody alone', status: 'failed', last: 3 },
  ],
  problems: [],
};
const recent = [
  '   start  26 nodes are planned',
  '    0.0s  all 26 nodes are ready: time 0',
  '   20.0s  fault cable-cut (partition) is in force',
];
const screen = { width: 80, height: 24, paint: plain };

test('what is pinned stays in sight, before the run begins and while it goes on', () => {
  const pinned = 'page: http://127.0.0.1:8080/';
  for (const moment of [undefined, status]) {
    expect(renderLive(moment, recent, { ...screen, pinned }).split('\n')).toContain(pinned);
    expect(renderLive(moment, recent, { ...screen, pinned, width: 12 })).toContain('page:');
  }
  const small = renderLive(status, recent, { ...screen, pinned, height: 14 });
  expect(small.split('\n').length).toBeLessThan(14);
});

test('the live view of a run in a split', () => {
  expect(renderLive(status, recent, screen)).toMatchInlineSnapshot(`
    "tour on local                                                       running 31 s
    ██████████░░░░░░░░░░░░░░░░░░░░  26 of 26 nodes ready, last fault ends at 90 s
    answering 26   components 2   tips 2   spread 2   agreement 65 %

    faults
    ● cable-cut  partition  in force, 19 s left
    ○ flaky      link       in 39 s
    ✓ early      pause      over, proved

    expectations
    ✗ nobody alone
    · chain heals   now 2
    ✓ halves fork

    events
       start  26 nodes are planned
        0.0s  all 26 nodes are ready: time 0
       20.0s  fault cable-cut (partition) is in force"
  `);
});

test('the live view of a start', () => {
  const { elapsed: _, ...starting } = status;
  const view = renderLive(
    {
      ...starting,
      phase: 'starting',
      nodes: { planned: 26, running: 12, ready: 9 },
      metrics: {},
      faults: faults.slice(2),
      expectations: [],
      problems: ['miner-3 ended with status 1\nbefore the network was ready'],
    },
    [],
    { ...screen, width: 60 },
  );
  expect(view).toMatchInlineSnapshot(`
    "tour on local                                       starting
    ███████░░░░░░░░░░░░  9 of 26 nodes ready, 12 up, wave 2 of 2
    no samples yet
    ! miner-3 ended with status 1 before the network was ready

    faults
    ○ flaky  link       at 70 s"
  `);
});

test('the live view fits every screen of at least 40 by 16', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 });
  const screens = fc.record({
    width: fc.integer({ min: 40, max: 200 }),
    height: fc.integer({ min: 16, max: 60 }),
  });
  fc.assert(
    fc.property(
      screens,
      fc.array(name, { maxLength: 30 }),
      fc.array(name, { maxLength: 40 }),
      (size, names, lines) => {
        const many: Status = {
          ...status,
          metrics: { distinct_tips: 2 },
          faults: names.map((each) => ({
            name: each,
            kind: 'link',
            state: 'planned',
            startsAt: 9,
          })),
          expectations: names.map((each) => ({ name: each, status: 'pending', last: 1 / 3 })),
          problems: names,
        };
        const rows = renderLive(many, lines.map(oneLine), { ...size, paint: plain }).split('\n');
        expect(rows.length).toBeLessThan(size.height);
        for (const row of rows) expect(stringWidth(row), row).toBeLessThanOrEqual(size.width);
      },
    ),
  );
});

test.each([
  [[3, 5, 3], 14, [3, 5, 3]],
  [[30, 5, 30], 15, [5, 5, 5]],
  [[1, 50, 50], 11, [1, 5, 5]],
  [[2, 2], 1, [1, 0]],
])('rows for lists of %j in %d rows', (wanted, room, rows) => {
  expect(shareRows(wanted, room)).toEqual(rows);
});

test('plain progress is one line per change', () => {
  const start: Status = { ...status, phase: 'starting' };
  const ready = (count: number): Watched => ({
    status: { ...start, nodes: { planned: 24, running: 24, ready: count } },
  });
  const at = '2026-11-23T06:00:00.000Z';
  const items: readonly Watched[] = [
    { event: { at, event: 'started', message: '24 nodes are planned' } },
    ready(2),
    ready(7),
    ready(8),
    ready(13),
    ready(24),
    { event: { at, t: 0, event: 'ready', message: 'all 24 nodes are ready: time 0' } },
    { status },
    { event: { at, t: 12.34, event: 'fault-enforced', message: 'fault split is in force' } },
    {
      event: { at, t: 99, event: 'problem', message: `full-3 ended by itself\n${escape}[31mpanic` },
    },
  ];
  let memory = noLines;
  const lines = items.flatMap((item) => {
    const told = linesOf(item, memory, plain);
    memory = told.memory;
    return told.lines;
  });
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "   start  24 nodes are planned
       start  7 of 24 nodes ready
       start  13 of 24 nodes ready
        0.0s  all 24 nodes are ready: time 0
       12.3s  fault split is in force
       99.0s  full-3 ended by itself
              panic"
  `);
});

test.each([
  ['cable-cut', 'is in force (26 nodes)'],
  ['eclipse', 'is in force (23 nodes)'],
  ['reboot', 'is in force (1 node)'],
  ['by-hand', 'is in force'],
])('a fault that begins says how many nodes it touches: %s', (fault, message) => {
  const event = { at: '', event: 'fault-enforced', message: 'is in force', fault };
  expect(withScope(event, plan).message).toBe(message);
});

test('the summary of a failed run', () => {
  const reasons = [
    'wanted distinct_tips >= 2 during cable-cut; it has held since 25s',
    'wanted min of node_peers >= 4 on 26 nodes at every sample but the first 15s; it was 3 at 51s',
  ];
  const expectations = [0, 3].flatMap((index, i) => {
    const one = report.expectations[index];
    return one === undefined ? [] : [{ ...one, reason: reasons[i] ?? '' }];
  });
  const options = { plan, color: false, width: 80, directory: 'out' };
  expect(renderSummary({ ...report, expectations }, options)).toMatchInlineSnapshot(`
    "Expectations
      ✓ halves fork   wanted distinct_tips >= 2 during cable-cut; it has held since
                      25s
      ✗ nobody alone  wanted min of node_peers >= 4 on 26 nodes at every sample but
                      the first 15s; it was 3 at 51s

    Faults
      ✓ cable-cut  partition  20 s to 50 s; 0 leaks over 48 pairs; 17,702 packets
                              dropped
      ✓ flaky      link       70 s to 90 s; loss 10 %, measured 9.87 %; 2,113
                              packets dropped; nodes sent 4 packets a second on
                              average
      ✓ eclipse    eclipse    100 s to 130 s; 0 leaks over 48 pairs; 17,702 packets
                              dropped
      ✓ reboot     restart    140 s to 146.8 s

    FAILED  1 of 2 expectations held, 4 of 4 faults proved, 26 nodes, 178.7 s, exit
            code 1, random seed 7
    report: out/report.html
    hint: report.html shows the evidence, logs/ what the nodes said"
  `);
});

test('the summary of a run that says nothing about the nodes', () => {
  const [first] = report.faults;
  const text = renderSummary(
    {
      ...report,
      verdict: 'error',
      exitCode: 3,
      problems: ['fault cable-cut is not proved: 2 probes crossed'],
      expectations: [],
      faults: first === undefined ? [] : [{ ...first, proved: false, leaks: 2, notes: [] }],
    },
    { plan, color: false, width: 80 },
  );
  expect(text).toMatchInlineSnapshot(`
    "Faults
      ✗ cable-cut  partition  20 s to 50 s; 2 leaks over 48 pairs; 17,702 packets
                              dropped; not proved

    Problems
      ! fault cable-cut is not proved: 2 probes crossed

    ERROR  0 of 1 fault proved, 26 nodes, 178.7 s, exit code 3, random seed 7
    hint: this says nothing about the nodes; \`peerstorm doctor\` checks the machine"
  `);
});

test('a passed run has no hint, and colour only when asked for', () => {
  const passed = {
    ...report,
    verdict: 'passed' as const,
    exitCode: 0,
    expectations: [],
    faults: [],
  };
  const without = renderSummary(passed, { plan, color: false, width: 80 });
  expect(without).not.toContain('hint');
  expect(without).not.toContain(escape);
  expect(renderSummary(passed, { plan, color: true, width: 80 })).toContain(`${escape}[32m`);
});

test.each([
  ['colours', `${escape}[31mred${escape}[0m`, 'red'],
  ['cursor moves', `a${escape}[2Ab`, 'ab'],
  ['titles', `${escape}]0;owned\u0007x`, 'x'],
  ['bells and returns', 'a\u0007\rb', 'a  b'],
  ['reversed text', 'a\u202eb', 'a b'],
])('%s of others do not reach the terminal', (_, text, clean) => {
  expect(safe(text)).toBe(clean);
});

test('columns and cuts count wide characters as terminals do', () => {
  const table = columns(
    [{ title: 'A' }, { title: 'N', align: 'right' }],
    [
      ['日本', '1'],
      ['x', '22'],
    ],
    plain,
  );
  expect(table).toBe('A      N\n日本   1\nx     22');
  expect(stringWidth(cut('日本日本日本', 7))).toBeLessThanOrEqual(7);
});
