// Every selector of a spec, with its place; and what makes no sense in a selector by itself.
import { error, type Finding, type Path } from './problems.ts';
import type { Fault, FlatSelector, Selector, Testnet } from './schema.ts';

export type PlacedSelector = { readonly path: Path; readonly selector: Selector };

type Selecting = {
  readonly discovery: { readonly seeds?: Selector | undefined };
  readonly groups: readonly Pick<Testnet['spec']['groups'][number], 'discovery'>[];
  readonly faults: readonly Omit<Fault, 'name' | 'at'>[];
  readonly expect: readonly Pick<Testnet['spec']['expect'][number], 'of' | 'log'>[];
};

/** `faultPaths`: where the faults are, if not in the list of a testnet. */
export function checkSelectors(spec: Selecting, faultPaths?: readonly Path[]): Finding[] {
  return selectorsOf(spec, faultPaths).flatMap(({ path, selector }) => [
    ...checkSelector(path, selector),
    ...(selector.not === undefined ? [] : checkNot([...path, 'not'], selector.not)),
  ]);
}

function selectorsOf(spec: Selecting, faultPaths?: readonly Path[]): PlacedSelector[] {
  const { discovery, groups, faults, expect } = spec;
  return [
    ...placed(['spec', 'discovery', 'seeds'], discovery.seeds),
    ...groups.flatMap((group, index) =>
      placed(['spec', 'groups', index, 'discovery', 'seeds'], group.discovery?.seeds),
    ),
    ...faults.flatMap((fault, index) =>
      selectorsOfFault(faultPaths?.[index] ?? ['spec', 'faults', index], fault),
    ),
    ...expect.flatMap(({ of, log }, index) => [
      ...placed(['spec', 'expect', index, 'of'], of),
      ...placed(['spec', 'expect', index, 'log', 'of'], log?.of),
    ]),
  ];
}

function selectorsOfFault(path: Path, fault: Omit<Fault, 'name' | 'at'>): PlacedSelector[] {
  const { partition, link, eclipse, kill, pause, restart } = fault;
  return [
    ...(partition?.sides ?? []).map((selector, side) => ({
      path: [...path, 'partition', 'sides', side],
      selector,
    })),
    ...placed([...path, 'link', 'from'], link?.from),
    ...placed([...path, 'link', 'to'], link?.to),
    ...placed([...path, 'eclipse', 'victims'], eclipse?.victims),
    ...placed([...path, 'eclipse', 'attackers'], eclipse?.attackers),
    ...placed([...path, 'kill', 'targets'], kill?.targets),
    ...placed([...path, 'pause', 'targets'], pause?.targets),
    ...placed([...path, 'restart', 'targets'], restart?.targets),
  ];
}

function placed(path: Path, selector: Selector | undefined): PlacedSelector[] {
  return selector === undefined ? [] : [{ path, selector }];
}

export const pairs = [
  ['group', 'groups'],
  ['node', 'nodes'],
  ['region', 'regions'],
  ['role', 'roles'],
] as const;

function checkSelector(path: Path, selector: FlatSelector): Finding[] {
  return pairs
    .filter(([one, many]) => selector[one] !== undefined && selector[many] !== undefined)
    .map(([one, many]) => error([...path, many], `stands beside ${one}, allowed is one of them`));
}

function checkNot(path: Path, selector: FlatSelector): Finding[] {
  if (Object.keys(selector).length > 0) return checkSelector(path, selector);
  return [error(path, 'excludes everybody, must select some')];
}
