import { expect, test } from 'vitest';
import { planOf } from '../../test/golden/plan/planning.ts';
import { formatPath } from '../spec/problems.ts';
import { faultDocument } from '../spec/schema.ts';
import { planFault } from './fault.ts';

const burst = { enter: '1%', leave: '10%' };
const plan = planOf({
  network: { regions: [{ name: 'eu' }, { name: 'us' }] },
  groups: [
    { name: 'a', kind: 'reference', count: 4 },
    { name: 'evil', kind: 'reference', role: 'adversary', count: 2 },
  ],
  faults: [
    { name: 'noisy', at: '10s', for: '10s', link: { from: {}, to: {}, burst } },
    {
      name: 'hunt',
      at: '60s',
      for: '30s',
      eclipse: { victims: { node: 'a-0' }, attackers: { group: 'evil' } },
    },
  ],
});

function apply(spec: object, { acceptedAtMs = 5_000, name = 'now', on = plan } = {}) {
  const document = faultDocument.parse({
    apiVersion: 'peerstorm.dev/v1alpha1',
    kind: 'Fault',
    metadata: { name },
    spec: { testnet: 'tour', ...spec },
  });
  const { fault, problems } = planFault(on, document.spec, { name, acceptedAtMs });
  return { fault, problems: problems.map((it) => `${formatPath(it.path)}: ${it.message}`) };
}

test('a fault on a running testnet counts from its acceptance', () => {
  const { fault, problems } = apply({
    at: '2s',
    for: '30s',
    partition: { sides: [{ region: 'eu' }] },
  });
  expect(problems).toEqual([]);
  expect(fault).toMatchObject({ name: 'now', kind: 'partition', startMs: 7_000, endMs: 37_000 });
  expect(fault?.effects.map(({ from, to }) => `${from.join(' ')} -> ${to.join(' ')}`)).toEqual([
    'a-0 a-2 evil-0 -> a-1 a-3 evil-1',
    'a-1 a-3 evil-1 -> a-0 a-2 evil-0',
  ]);
});

test('without for it lasts until it is cleared', () => {
  const { fault } = apply({ pause: { targets: { role: 'adversary' } } });
  expect(fault).toMatchObject({ startMs: 5_000, nodes: { targets: ['evil-0', 'evil-1'] } });
  expect(fault).not.toHaveProperty('endMs');
});

test.each([
  [['a-0', 'a-2'], /^spec\.eclipse: adds no dials .* a-0 has none from or to an attacker/],
  [['a-0', 'a-3'], /: a-0 and 1 more have none from or to an attacker/],
  [['a-1', 'a-2'], undefined],
])('an eclipse of %j is warned of where attackers have no dials', (nodes, says) => {
  const eclipse = { victims: { nodes }, attackers: { group: 'evil' } };
  const edges = [
    ['a-0', 'a-1'],
    ['evil-0', 'a-1'],
    ['a-2', 'evil-1'],
  ];
  const sparse = planOf({
    groups: [
      { name: 'a', kind: 'reference', count: 4 },
      { name: 'evil', kind: 'reference', role: 'adversary', count: 2 },
    ],
    topology: { model: 'edges', edges },
  });
  const { fault, problems } = apply({ for: '9s', eclipse }, { on: sparse });
  expect(fault?.kind).toBe('eclipse');
  expect(problems).toEqual(says === undefined ? [] : [expect.stringMatching(says)]);
});

test('samples are drawn as they would be in the spec', () => {
  const kill = { targets: { group: 'a', sample: 2 } };
  const { fault } = apply({ kill });
  const spec = {
    groups: [{ name: 'a', kind: 'reference', count: 4 }],
    faults: [{ name: 'now', at: '5s', kill }],
  };
  expect(fault).toEqual(planOf(spec).faults[0]);
});

test.for<[object, string[]]>([
  [
    { kill: { targets: { group: 'b' } } },
    ['spec.kill.targets.group: no group is named "b", there are a and evil'],
  ],
  [{ for: '1s', kill: { targets: {} } }, ['spec.for: has no meaning here, a kill is for good']],
  [
    { for: '100ms', pause: { targets: {} } },
    ['spec.for: is shorter than one sample, got 100ms, at least 1s'],
  ],
  [
    { at: '10s', link: { from: { node: 'a-0' }, to: {}, burst } },
    [
      'spec.link.burst: noisy and this fault both burst on a-0 -> a-1 at the same time; only one may',
    ],
  ],
  [
    { at: '60s', partition: { sides: [{ node: 'a-0' }] } },
    ['spec.partition: cuts a-0 from all its attackers while hunt eclipses it'],
  ],
])('%j is refused', ([spec, expected]) => {
  expect(apply(spec)).toEqual({ fault: undefined, problems: expected });
});

test('a name of the spec is taken', () => {
  expect(apply({ kill: { targets: {} } }, { acceptedAtMs: 0, name: 'hunt' }).problems).toEqual([
    'metadata.name: tour has a fault hunt already',
  ]);
});
