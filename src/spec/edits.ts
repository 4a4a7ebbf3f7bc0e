// A broken document with its broken parts taken out, so that the rest can be looked at. Edits name
// places of the document as it was written; after them list indexes and keys have moved, so every
// path of the edited document can be turned back into the path of the written one.
import type { Path } from './problems.ts';

export type Edit =
  | { readonly path: Path; readonly action: 'cut' /** It meant nothing. */; readonly idle?: true }
  | { readonly path: Path; readonly action: 'rename'; readonly key: string }
  | { readonly path: Path; readonly action: 'replace'; readonly value: unknown };

export type Edited = {
  readonly value: unknown;
  /** The path in the written document. */
  readonly written: (path: Path) => Path;
};

/** Later edits of a place win over earlier ones; nothing that was given is changed. */
export function edited(value: unknown, edits: readonly Edit[]): Edited {
  const root: EditNode = { children: new Map() };
  for (const edit of edits) nodeAt(root, edit.path).edit = edit;
  const origin: Origin = { steps: new Map() };
  return { value: apply(root, value, origin), written: (path) => writtenPath(origin, path) };
}

type Step = string | number;
type EditNode = { edit?: Edit; readonly children: Map<Step, EditNode> };
/** Where each step of the edited document came from. */
type Origin = { readonly steps: Map<Step, { readonly step: Step; readonly origin: Origin }> };

function nodeAt(root: EditNode, path: Path): EditNode {
  let here = root;
  for (const step of path) {
    const next = here.children.get(step) ?? { children: new Map() };
    here.children.set(step, next);
    here = next;
  }
  return here;
}

function apply(node: EditNode, value: unknown, origin: Origin): unknown {
  if (node.edit?.action === 'replace') return node.edit.value;
  if (node.children.size === 0 || typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? applyToList(node, value, origin) : applyToMap(node, value, origin);
}

function applyToList(node: EditNode, list: readonly unknown[], origin: Origin): unknown[] {
  const kept: unknown[] = [];
  for (const [index, item] of list.entries()) {
    const child = node.children.get(index);
    if (child?.edit?.action === 'cut') continue;
    kept.push(applyToChild(child, item, { origin, to: kept.length, step: index }));
  }
  return kept;
}

function applyToMap(node: EditNode, map: object, origin: Origin): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(map)) {
    const child = node.children.get(key);
    if (child?.edit?.action === 'cut') continue;
    const to = child?.edit?.action === 'rename' ? child.edit.key : key;
    kept[to] = applyToChild(child, item, { origin, to, step: key });
  }
  for (const [step, { edit }] of node.children) {
    if (edit?.action === 'replace' && !Object.hasOwn(map, step)) kept[step] = edit.value;
  }
  return kept;
}

type Move = { readonly origin: Origin; readonly to: Step; readonly step: Step };

function applyToChild(child: EditNode | undefined, item: unknown, move: Move): unknown {
  const origin: Origin = { steps: new Map() };
  move.origin.steps.set(move.to, { step: move.step, origin });
  return child === undefined ? item : apply(child, item, origin);
}

function writtenPath(origin: Origin, path: Path): Path {
  let here: Origin | undefined = origin;
  return path.map((step) => {
    const moved: { step: Step; origin: Origin } | undefined = here?.steps.get(step);
    here = moved?.origin;
    return moved?.step ?? step;
  });
}
