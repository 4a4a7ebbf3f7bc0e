// Spec text -> Spec, or everything that is wrong with it at once, each with line and column. First
// arrow of the sentence YAML -> Spec -> Plan. It guarantees that every text ends in a spec or in at
// least one error, never in an exception; a spec comes with no error, only with warnings. The
// plan's checks come in as an argument, because a spec knows nothing of plans; they are run even
// over a document with the wrong shape, on what is left of it, and what is only a consequence is
// dropped.
import {
  type Check,
  distinctFindings,
  examine,
  faultRules,
  type Rules,
  testnetRules,
} from './examine.ts';
import { positionsIn, spanOfFinding } from './positions.ts';
import type { Finding, SpecProblem } from './problems.ts';
import type { FaultDocument, Testnet } from './schema.ts';
import { type Located, type Place, readYaml, type Span } from './yaml.ts';

export type Parsed<T> = {
  /** Absent if there is an error among the problems. */
  readonly spec?: T;
  /** In the order of the file. */
  readonly problems: readonly SpecProblem[];
  /** The problem that a later finding about this text makes. */
  readonly locate: (finding: Finding) => SpecProblem;
};

/** `file` is only named; `check` is what the plan has to say about a spec of the right shape. */
export function parseSpec(text: string, file: string, check?: Check<Testnet>): Parsed<Testnet> {
  return parse(testnetRules(check), text, file);
}

/** A `kind: Fault` document, for a running testnet. */
export function parseFault(
  text: string,
  file: string,
  check?: Check<FaultDocument>,
): Parsed<FaultDocument> {
  return parse(faultRules(check), text, file);
}

function parse<T>(rules: Rules<T>, text: string, file: string): Parsed<T> {
  const { value, place, refusals, ambiguities } = readYaml(text);
  const positionOf = positionsIn(text);
  const locate = (finding: Finding & { readonly span?: Span }): SpecProblem => {
    const { path, message, severity, elsewhere } = finding;
    if (elsewhere !== undefined) return { path: [], message, severity, ...elsewhere };
    const { span = spanOfFinding(place, finding) } = finding;
    return { file, path, message, severity, ...positionOf(span) };
  };
  if (refusals.length > 0) return { problems: refusals.map(locate), locate };

  const { spec, findings } = examine(rules, value);
  const problems = merge(findings, ambiguities, place).map(locate);
  const isElsewhere = (problem: SpecProblem) => Number(problem.file !== file);
  problems.sort(
    (a, b) => isElsewhere(a) - isElsewhere(b) || a.line - b.line || a.column - b.column,
  );
  const good = spec !== undefined && problems.every(({ severity }) => severity === 'warning');
  return { ...(good ? { spec } : {}), problems, locate };
}

/** Nothing is said twice, and an ambiguity only where nothing else is wrong. */
function merge(
  findings: readonly Finding[],
  ambiguities: readonly Located[],
  place: Place,
): Located[] {
  const located = distinctFindings(findings).map((finding) => ({
    ...finding,
    span: spanOfFinding(place, finding),
  }));
  const starts = new Set(located.map(({ span }) => span.start));
  return [...located, ...ambiguities.filter(({ span }) => !starts.has(span.start))];
}
