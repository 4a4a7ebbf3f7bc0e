import { expect, test } from 'vitest';
import { planOf, problemsOf } from '../../test/golden/plan/planning.ts';
import { parseClaim } from './claim.ts';

const faults = [
  { name: 'cut', at: '10s', for: '20s', partition: { sides: [{ node: 'n-0' }] } },
  { name: 'end', at: '40s', kill: { targets: { node: 'n-1' } } },
  { name: 'reboot', at: '50s', restart: { targets: { node: 'n-2' } } },
];
const spec = (...claims: object[]) => ({
  groups: [{ name: 'n', count: 3, kind: 'reference' }],
  duration: '90s',
  faults,
  expect: claims,
});
const tips = { name: 'e', metric: 'distinct_tips', is: '== 1' };
const peers = { name: 'e', metric: 'node_peers', is: '>= 1' };

test.for([
  [
    { ...tips, at: '90s' },
    { kind: 'at', atMs: 90_000 },
  ],
  [
    { ...tips, during: 'cut' },
    { kind: 'during', fault: 'cut', throughout: false, settleMs: 0, staysMs: 3_000 },
  ],
  [
    { ...tips, during: 'cut', throughout: true, settle: '5s' },
    { kind: 'during', fault: 'cut', throughout: true, settleMs: 5_000, staysMs: 3_000 },
  ],
  [
    { ...tips, after: 'cut', within: '1m', stays: '10s' },
    { kind: 'after', fault: 'cut', withinMs: 60_000, staysMs: 10_000, settleMs: 0 },
  ],
  [
    { ...tips, always: true, except: ['cut'], settle: '2s' },
    { kind: 'always', except: ['cut'], settleMs: 2_000 },
  ],
] as const)('%j has the window %j', ([claim, window]) => {
  const [planned] = planOf(spec(claim)).expectations;
  expect(planned).toMatchObject({ name: 'e', window, metric: 'distinct_tips' });
  expect(planned).not.toHaveProperty('of');
});

test('a metric of nodes is of everybody, or of whom is selected', () => {
  const [everybody, one] = planOf(
    spec(
      { ...peers, always: true },
      {
        name: 'own',
        metric: 'node:up{job="x"}',
        is: '== 1',
        at: '1s',
        of: { node: 'n-2' },
        aggregate: 'max',
      },
    ),
  ).expectations;
  expect(everybody).toMatchObject({ of: ['n-0', 'n-1', 'n-2'] });
  expect(one).toMatchObject({ metric: 'node:up{job="x"}', of: ['n-2'], aggregate: 'max' });
});

test('a claim about logs counts lines', () => {
  const claim = { name: 'e', log: { of: { node: 'n-1' }, matches: 'panic' }, count: '== 0' };
  expect(planOf(spec(claim)).expectations).toEqual([
    { name: 'e', log: { of: ['n-1'], matches: 'panic' }, claim: { compare: '==', value: 0 } },
  ]);
});

test.for<[object, string[]]>([
  [{ ...tips, during: 'cot' }, ['error during: no fault is named "cot", did you mean cut?']],
  [
    { ...tips, after: 'x', within: '9s' },
    ['error after: no fault is named "x", there are cut, end and reboot'],
  ],
  [
    { ...tips, always: true, except: ['cut', 'y'] },
    ['error except[1]: no fault is named "y", there are cut, end and reboot'],
  ],
  [
    { ...tips, metric: 'distinct_tip', always: true },
    [
      'error metric: no metric is named "distinct_tip", did you mean distinct_tips?; a metric of the nodes\' own is node:<name>',
    ],
  ],
  [
    { ...tips, metric: 'node:', always: true },
    ['error metric: must be node:<name> or node:<name>{label="value"}'],
  ],
  [
    { ...tips, always: true, of: {}, aggregate: 'min' },
    [
      'error of: has no meaning with distinct_tips, which is one number for the whole network',
      'error aggregate: has no meaning with distinct_tips, which is one number for the whole network',
    ],
  ],
  [
    { ...peers, always: true, of: { node: 'n-7' } },
    ['error of.node: no node is named "n-7", did you mean n-0?'],
  ],
  [{ ...tips, at: '91s' }, ['error at: got 91s, but the run ends at 1.5m (duration)']],
  [{ ...tips, during: 'end' }, ['error during: end is a kill, which is over at once; use after']],
  [{ ...tips, during: 'reboot', stays: '1h' }, []],
  [
    { ...tips, during: 'cut', settle: '18s' },
    ['error settle: cut lasts 20s, with settle 18s it cannot hold for 3s'],
  ],
  [{ ...tips, during: 'cut', settle: '18s', throughout: true }, []],
  [
    { ...tips, during: 'cut', settle: '20s', throughout: true },
    ['error settle: cut lasts 20s, with settle 20s no sample is left'],
  ],
  [
    { ...tips, after: 'cut', within: '19s' },
    [
      'warning within: is shorter than the cut (20s): a connection that outlived it may stay silent as long again, because TCP backs off',
    ],
  ],
  [{ ...tips, after: 'cut', within: '20s' }, []],
  [{ ...tips, after: 'reboot', within: '1s' }, []],
  [
    { ...peers, always: true, is: '>= 1s' },
    ['error is: must be one of >= <= == != > < and a count, such as ">= 2", got ">= 1s"'],
  ],
])('%j', ([claim, expected]) => {
  expect(problemsOf(spec(claim))).toEqual(
    expected.map((text) => text.replace(' ', ' spec.expect[0].')),
  );
});

test.for([
  ['>= 2', 'node_peers', '>=', 2],
  ['==0', 'distinct_tips', '==', 0],
  ['< 500ms', 'propagation_seconds', '<', 0.5],
  ['< 2m', 'propagation_seconds', '<', 120],
  ['<= 0.5', 'propagation_seconds', '<=', 0.5],
  ['> 99%', 'eclipse_ratio', '>', 0.99],
  ['!= -1', 'node_height', '!=', -1],
  ['< 64KiB', 'node:memory_bytes', '<', 65_536],
  ['< 1mbit', 'node:rate', '<', 1_000_000],
  ['== 0', undefined, '==', 0],
] as const)('%s of %s', ([text, metric, compare, value]) => {
  expect(parseClaim(text, metric)).toEqual({ compare, value });
});

test.for([
  ['>= 2s', 'node_peers'],
  ['=> 2', 'node_peers'],
  ['>= ', 'node_peers'],
  ['< 10%', 'propagation_seconds'],
  ['== 1s', undefined],
] as const)('%s of %s is refused', ([text, metric]) => {
  expect(parseClaim(text, metric)).toHaveProperty('expected');
});

test('labels of a metric of the nodes are put in order', () => {
  const claim = { name: 'e', metric: 'node:foo_total{b="1", a="2"}', is: '>= 1', always: true };
  const [planned] = planOf(spec(claim)).expectations;
  expect(planned).toMatchObject({ metric: 'node:foo_total{a="2",b="1"}' });
});
