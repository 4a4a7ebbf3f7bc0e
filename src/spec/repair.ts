// Finds everything that the shape has against a document, and the largest part of it that has the
// right shape: wrong values are cut out, unknown keys are read as the known key that was probably
// meant, and the few values without which nothing else could be checked get a stand-in. The result
// is never run; it only lets the cross-checks see past a typing error.
import type { z } from 'zod';
import { type Edit, type Edited, edited } from './edits.ts';
import { findingsAtMost, findingsOf, type ShapeFinding, valueAt } from './issues.ts';
import type { Finding, Path } from './problems.ts';

export type Repaired<T> = Pick<Edited, 'written'> & {
  /** Undefined: too little is left. Whole if there are no findings. */
  readonly spec?: T;
  readonly findings: readonly Finding[];
  readonly edits: readonly Edit[];
};

const roundsAtMost = 20;

/** `edits` are repairs that are known to be needed already. */
export function repair<T>(
  schema: z.ZodType<T>,
  value: unknown,
  before: readonly Edit[] = [],
): Repaired<T> {
  let edits = before;
  const findings: ShapeFinding[] = [];
  for (let round = 0; round < roundsAtMost; round += 1) {
    const { value: rest, written } = edited(value, edits);
    const result = schema.safeParse(rest);
    if (result.success) return { spec: result.data, findings, edits, written };
    const found = findingsOf(schema, rest, result.error.issues).map((finding) => ({
      finding: { ...finding, path: written(finding.path) },
      missing: valueAt(rest, finding.path) === undefined,
    }));
    // What later rounds find was made by the edits, unless it lies under a renamed key.
    const news = found.map(({ finding }) => finding);
    findings.push(...(edits.length === 0 ? news : news.filter(({ path }) => renamed(edits, path))));
    const hopeless = found.some(({ finding }) => finding.path.length === 0);
    if (hopeless || found.length >= findingsAtMost) break;
    edits = [
      ...edits,
      ...found.map(({ finding, missing }) => editFor(value, edits, { finding, missing })),
    ];
  }
  return { findings, edits, written: (path) => path };
}

type Found = { readonly finding: ShapeFinding; readonly missing: boolean };

function editFor(value: unknown, edits: readonly Edit[], { finding, missing }: Found): Edit {
  const { path, meant, unknown } = finding;
  const earlier = edits.filter((edit) => isSame(edit.path, path));
  const parent = path.slice(0, -1);
  if (meant !== undefined && earlier.length === 0) {
    const taken = valueAt(value, [...parent, meant]) !== undefined;
    return taken ? { path, action: 'cut' } : { path, action: 'rename', key: meant };
  }
  if (unknown === true) return { path, action: 'cut', idle: true };
  const standIn = standInFor(value, path);
  const tried = earlier.some(({ action }) => action === 'replace');
  if (standIn !== undefined && !tried) return { path, action: 'replace', value: standIn };
  return { path: missing ? parent : path, action: 'cut' };
}

/** Enough to look at the rest of the document. */
function standInFor(value: unknown, path: Path): unknown {
  const place = path.map((step) => (typeof step === 'number' ? '*' : step)).join('.');
  switch (place) {
    case 'apiVersion':
      return 'peerstorm.dev/v1alpha1';
    case 'kind':
      return 'Testnet';
    case 'metadata':
      return { name: 'unnamed' };
    case 'metadata.name':
      return 'unnamed';
    case 'spec.groups':
      return [{ name: 'unnamed', kind: 'reference' }];
    case 'spec.groups.*.name':
      return `unnamed-${path[2]}`;
    case 'spec.groups.*.kind':
      return kindOfAnotherGroup(value) ?? 'reference';
    default:
      return undefined;
  }
}

function kindOfAnotherGroup(value: unknown): unknown {
  const groups = valueAt(value, ['spec', 'groups']);
  const kinds = Array.isArray(groups) ? groups.map((group) => valueAt(group, ['kind'])) : [];
  return kinds.find((kind) => typeof kind === 'string' && /^[a-z][a-z0-9-]{0,22}$/.test(kind));
}

function renamed(edits: readonly Edit[], path: Path): boolean {
  return edits.some((edit) => edit.action === 'rename' && isWithin(edit.path, path));
}

function isSame(a: Path, b: Path): boolean {
  return a.length === b.length && isWithin(a, b);
}

/** `inner` is `outer` or lies under it. */
export function isWithin(outer: Path, inner: Path): boolean {
  return outer.length <= inner.length && outer.every((step, index) => step === inner[index]);
}
