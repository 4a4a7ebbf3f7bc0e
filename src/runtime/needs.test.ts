import { expect, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import { parseSpec } from '../spec/parse.ts';
import { missingCapabilities } from './needs.ts';
import type { Capability, Feature } from './runtime.ts';

const spec = (more: string) => `apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: t }
spec:
  randomSeed: 1
  duration: 5s
  groups: [{ name: a, count: 2, kind: reference${more} }]
`;

function planOf(text: string) {
  let plan: ReturnType<typeof planTestnet>['plan'];
  parseSpec(text, 't.yaml', (parsed) => {
    const planned = planTestnet(parsed, kinds);
    plan = planned.plan;
    return planned.problems;
  });
  if (plan === undefined) throw new TypeError('no plan');
  return plan;
}

const has = (...features: Feature[]): Capability[] =>
  features.map((feature) => ({ host: 'h', feature, ok: true, reason: 'there' }));

test('a plan that needs nothing special misses nothing', () => {
  expect(missingCapabilities(planOf(spec('')), has('namespaces', 'nft', 'htb'))).toEqual([]);
});

test('limits reach the plan in numbers, and what nobody says anything about is missing', () => {
  const plan = planOf(spec(', resources: { cpus: 0.5, memory: 1MiB }'));
  expect(plan.groups[0]?.resources).toEqual({ cpus: 0.5, memoryBytes: 2 ** 20 });
  expect(missingCapabilities(plan, has('namespaces', 'nft', 'htb'))).toEqual([
    'group a needs resources: this runtime does not have it',
  ]);
});

test.each(['kill: { targets: {} }', 'pause: { targets: {} }, for: 3s', 'restart: { targets: {} }'])(
  'a fault that is %s needs hands on processes',
  (fault) => {
    const plan = planOf(`${spec('')}  faults: [{ name: f, at: 1s, ${fault} }]\n`);
    const network = has('namespaces', 'nft', 'htb');
    const off = { host: 'h', feature: 'node-faults', ok: false, reason: 'off' } as const;
    expect(missingCapabilities(plan, [...network, ...has('node-faults')])).toEqual([]);
    expect(missingCapabilities(plan, [...network, off])).toEqual([
      'fault f needs node-faults: h: off',
    ]);
  },
);

test('a claim about logs needs logs', () => {
  const log = '{ of: {}, matches: panic }';
  const plan = planOf(`${spec('')}  expect: [{ name: quiet, log: ${log}, count: "== 0" }]\n`);
  expect(missingCapabilities(plan, has('namespaces', 'nft', 'htb'))).toEqual([
    'expectation "quiet" needs logs: this runtime does not have it',
  ]);
});

test.each([
  ['loss: 1%', []],
  ['rate: 1mbit', []],
  ['delay: 9ms', ['netem']],
  ['corrupt: 1%', ['netem']],
  ['duplicate: 1%', ['netem', 'netem-duplicate']],
])('a link with %s needs %j', (link, features) => {
  const fault = `{ name: f, at: 1s, for: 3s, link: { from: {}, to: {}, ${link} } }`;
  const plan = planOf(`${spec('')}  faults: [${fault}]\n`);
  const lines = missingCapabilities(plan, has('namespaces', 'nft', 'htb'));
  expect(lines.map((line) => line.split(/[ :]+/)[3])).toEqual(features);
});
