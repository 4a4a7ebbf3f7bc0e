// Which findings about a repaired document are only consequences of what was repaired. The rule is
// cautious: what might vanish with the first correction is not said before it. A finding is a
// consequence when it is about a repaired part, when it speaks of a name whose declaration was
// repaired, or when it depends on who is in the testnet while a group or region was repaired.
import type { Edit } from './edits.ts';
import { valueAt } from './issues.ts';
import type { Finding, Path } from './problems.ts';
import { isWithin } from './repair.ts';

/** `value` is the written document. */
export function isConsequence(finding: Finding, value: unknown, edits: readonly Edit[]): boolean {
  if (edits.length === 0) return false;
  if (isAboutRepair(finding, edits)) return true;
  const { path } = finding;
  const parts = edits.filter(mattersElsewhere).map(touchedBy);
  const populating = parts.filter(changesPopulation);
  const population = populating.length > 0;
  if (population && dependsOnPopulation.some((part) => isWithin(part, path))) {
    const named = isOfNames(path) && populating.every(isCount);
    return !isOfSoftware(path) && !isOfList(path) && !named;
  }
  const names = parts.flatMap((part) => namesDeclaredAt(value, part));
  return mentions(subjectOf(value, path), { names: new Set(names), population });
}

/** It speaks of a repaired part, or of something around it. */
export function isAboutRepair({ path }: Finding, edits: readonly Edit[]): boolean {
  return edits.map(touchedBy).some((part) => isWithin(part, path) || isWithin(path, part));
}

/** A renamed key means what it was meant to; an unknown one meant nothing. */
function mattersElsewhere(edit: Edit): boolean {
  if (edit.action === 'rename' || (edit.action === 'cut' && edit.idle === true)) return false;
  const [, list, , field] = edit.path;
  return list !== 'groups' || !ownBusiness.includes(String(field));
}

/** A stand-in is a guess: nothing around it can be judged. */
function touchedBy({ action, path }: Edit): Path {
  return action === 'replace' && path.length > 1 ? path.slice(0, -1) : path;
}

const lists: readonly Path[] = [
  ['spec', 'groups'],
  ['spec', 'network', 'regions'],
  ['spec', 'faults'],
];
/** Fields of a group that change neither who is there nor what is called how. */
const ownBusiness = [
  'config',
  'resources',
  'restartPolicy',
  'peered',
  'discovery',
  'image',
  'kubernetes',
];
/** Fields of a group that are right or wrong whoever else is there. */
const software = ['kind', 'role', 'config', 'image'];
function isOfSoftware([, list, , field]: Path): boolean {
  return list === 'groups' && software.includes(String(field));
}

/** How many nodes a group has changes neither its own name nor that of a region. */
function isCount([, list, , field]: Path): boolean {
  return list === 'groups' && field === 'count';
}
const namesOnly = ['group', 'groups', 'region', 'regions', 'between', 'within'];
function isOfNames(path: Path): boolean {
  const [, part, , own] = path;
  const names = part === 'discovery' || part === 'network' || own === 'discovery';
  const field = typeof path.at(-1) === 'number' ? path.at(-2) : path.at(-1);
  return names && namesOnly.includes(String(field));
}

/** What is wrong with a list of edges whoever is there. */
function isOfList([, part, field, at]: Path): boolean {
  return part === 'topology' && field === 'edgesFrom' && at !== undefined;
}

const dependsOnPopulation: readonly Path[] = [
  ['spec', 'groups'],
  ['spec', 'topology'],
  ['spec', 'discovery'],
  ['spec', 'network'],
];

function changesPopulation(path: Path): boolean {
  const [, list, sub] = path;
  return path.length < 2 || list === 'groups' || (list === 'network' && sub !== 'links');
}

/** The names of the list items that lie under the path, or that the path lies in. */
function namesDeclaredAt(value: unknown, path: Path): string[] {
  return lists.flatMap((list) => {
    const items = valueAt(value, list);
    if (!Array.isArray(items)) return [];
    return items.flatMap((item, index) => {
      const place = [...list, index];
      const name: unknown = valueAt(item, ['name']);
      const inside = isWithin(path, place) || isWithin(place, path);
      return inside && typeof name === 'string' ? [name] : [];
    });
  });
}

const selectorKeys = [
  'group',
  'groups',
  'node',
  'nodes',
  'region',
  'regions',
  'role',
  'roles',
  'sample',
  'not',
];
const countingKeys = new Set(['region', 'regions', 'role', 'roles', 'sample']);

/** What the finding speaks of: of a field of a selector, the selector. */
function subjectOf(value: unknown, path: Path): unknown {
  const field = path.findLastIndex((step) => selectorKeys.includes(String(step)));
  return valueAt(value, field === -1 ? path : path.slice(0, field));
}

type Suspects = { readonly names: ReadonlySet<string>; readonly population: boolean };

function mentions(subject: unknown, suspects: Suspects): boolean {
  if (typeof subject === 'string') {
    return suspects.names.has(subject) || suspects.names.has(subject.replace(/-\d+$/, ''));
  }
  if (typeof subject !== 'object' || subject === null) return false;
  const entries = Object.entries(subject);
  // {} is everybody.
  if (suspects.population && !Array.isArray(subject) && entries.length === 0) return true;
  return entries.some(([key, child]) => {
    const counts = suspects.population && countingKeys.has(key) && !Array.isArray(subject);
    return counts || suspects.names.has(key) || mentions(child, suspects);
  });
}
