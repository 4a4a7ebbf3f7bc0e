// Specs as plain values -> plans, for tests: with defaults filled in and one small kind, so that
// what is compared does not change with the kinds that Peerstorm comes with.
import { z } from 'zod';
import type { Kind, KindTable } from '../../../src/kinds/kind.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { type PlanProblem, planTestnet } from '../../../src/plan/plan-testnet.ts';
import { formatPath } from '../../../src/spec/problems.ts';
import { testnet } from '../../../src/spec/schema.ts';

function kindNamed(name: string, traits: Partial<Kind> = {}): Kind {
  const unused = () => {
    throw new TypeError(`${name} is for planning only`);
  };
  return {
    name,
    protocol: () => name,
    roles: ['full', 'miner', 'adversary'],
    config: z.strictObject({
      blockInterval: z.string().optional(),
      peers: z.int().min(1).default(8),
    }),
    needsRoutable: false,
    launch: unused,
    ready: unused,
    observe: () => [],
    read: unused,
    ...traits,
  };
}

export const kindTable: KindTable = new Map(
  [
    kindNamed('reference'),
    kindNamed('picky', {
      roles: ['full'],
      needsRoutable: true,
      check: () => [{ path: ['peers'], message: 'never enough' }],
    }),
    kindNamed('coin', { needsRoutable: true }),
  ].map((kind) => [kind.name, kind]),
);

export function planned(spec: object): ReturnType<typeof planTestnet> {
  const document = testnet.parse({
    apiVersion: 'peerstorm.dev/v1alpha1',
    kind: 'Testnet',
    metadata: { name: 'tour' },
    spec,
  });
  return planTestnet(document, kindTable);
}

export function planOf(spec: object): Plan {
  const { plan, problems } = planned(spec);
  if (plan === undefined) throw new TypeError(problems.map(line).join('\n'));
  return plan;
}

/** `error spec.groups[0].kind: ...` */
export function problemsOf(spec: object): string[] {
  return planned(spec).problems.map(line);
}

function line({ severity, path, message }: PlanProblem): string {
  return `${severity} ${formatPath(path)}: ${message}`;
}
