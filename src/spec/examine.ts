// A document as a value -> the spec, or everything that is wrong with it: shape, then the rules
// over several fields, then the plan's, each on what the last one leaves. parse.ts does it to the
// text of a file, accept.ts to an object of the Kubernetes API, and so both say the same. What is
// only a consequence of something else is dropped. The plan's checks come in as an argument,
// because a spec knows nothing of plans.
import type { z } from 'zod';
import { checkFaultDocument, checkTestnet } from './checks.ts';
import { isAboutRepair, isConsequence } from './consequences.ts';
import type { Edit } from './edits.ts';
import { valueAt } from './issues.ts';
import { error, type Finding, type Path } from './problems.ts';
import { repair } from './repair.ts';
import { type FaultDocument, faultDocument, type Testnet, testnet } from './schema.ts';

export type Check<T> = (spec: T) => readonly Finding[];

export type Rules<T> = {
  readonly schema: z.ZodType<T>;
  readonly checks: Check<T>;
  readonly further: Check<T> | undefined;
  readonly kind: string;
};

/** `further` is what the plan has to say about a spec of the right shape. */
export function testnetRules(further?: Check<Testnet>): Rules<Testnet> {
  return { schema: testnet, checks: checkTestnet, further, kind: 'Testnet' };
}

export function faultRules(further?: Check<FaultDocument>): Rules<FaultDocument> {
  return { schema: faultDocument, checks: checkFaultDocument, further, kind: 'Fault' };
}

/** `spec` is there as soon as the shape is right; it is good if no finding is an error. */
export function examine<T>(
  rules: Rules<T>,
  value: unknown,
): { spec?: T; findings: readonly Finding[] } {
  const kind = valueAt(value, ['kind']);
  const advice = otherKinds[String(kind)];
  if (kind !== rules.kind && advice !== undefined) {
    return { findings: [error(['kind'], `must be ${rules.kind}, got ${String(kind)}, ${advice}`)] };
  }
  const shape = repair(rules.schema, value);
  const findings = [...shape.findings];
  if (shape.spec === undefined) return { findings };
  const inShape = shape.spec;

  const ruled = findingsAbout(rules.checks, { ...shape, spec: inShape });
  findings.push(...ruled.filter((finding) => !isAboutRepair(finding, shape.edits)));
  // What a repair left senseless goes too: the plan would stumble over it and say nothing else.
  const bad = ruled.filter(({ severity }) => severity === 'error');
  const edits = [...shape.edits, ...bad.map(({ path }) => cutAround(path))];
  const sound = bad.length === 0 ? shape : repair(rules.schema, value, edits);
  if (rules.further !== undefined && sound.spec !== undefined) {
    const further = findingsAbout(rules.further, { ...sound, spec: sound.spec });
    findings.push(...further.filter((finding) => !isConsequence(finding, value, sound.edits)));
  }
  return { spec: inShape, findings };
}

const otherKinds: Readonly<Record<string, string>> = {
  Fault: 'a Fault goes to a running testnet: peerstorm fault apply FILE',
  Testnet: 'a Testnet is started with: peerstorm up FILE',
};

type Examined<T> = {
  readonly spec: T;
  readonly written: (path: Path) => Path;
};

function findingsAbout<T>(check: Check<T>, { spec, written }: Examined<T>): Finding[] {
  return check(spec).map((finding) => ({ ...finding, path: written(finding.path) }));
}

/** The plan is not asked about a fault, claim or link that makes no sense in itself. */
function cutAround(path: Path): Edit {
  const item = [
    ['spec', 'faults'],
    ['spec', 'expect'],
    ['spec', 'network', 'links'],
  ].find((list) => list.every((step, index) => path[index] === step));
  return { path: item === undefined ? path : path.slice(0, item.length + 1), action: 'cut' };
}

/** Nothing is said twice. */
export function distinctFindings(findings: readonly Finding[]): Finding[] {
  const distinct = new Map(
    findings.map((finding) => [`${JSON.stringify(finding.path)} ${finding.message}`, finding]),
  );
  return [...distinct.values()];
}
