// One declared fault -> what it does to whom. A row of the table below for each kind of fault.
import type { NodeName } from '../names.ts';
import type { Path } from '../spec/problems.ts';
import type { Fault, FaultKind } from '../spec/schema.ts';
import { placeEclipse } from './eclipse.ts';
import { placeLinkFault } from './link-fault.ts';
import { placeKill, placePause, placeRestart } from './node-fault.ts';
import { placePartition } from './partition.ts';
import type { PlannedFault } from './plan.ts';
import type { Report } from './problem.ts';
import type { Select } from './select.ts';

export type Placed = Pick<PlannedFault, 'effects' | 'nodes' | 'attackers' | 'victims'>;

export type FaultPlace = {
  /** The name of the fault: of its effects, and of what it draws. */
  readonly fault: string;
  /** Of the fault's parameters, from the document's root. */
  readonly path: Path;
  readonly everybody: readonly NodeName[];
  readonly select: Select;
  readonly report: Report;
};

/** A fault without its name and times. */
export type FaultBody = Partial<Pick<Fault, FaultKind>>;

type Placer = (fault: FaultBody, place: FaultPlace) => Placed | undefined;

const placers: readonly (readonly [FaultKind, Placer])[] = [
  ['partition', ({ partition }, place) => partition && placePartition(partition, place)],
  ['link', ({ link }, place) => link && placeLinkFault(link, place)],
  ['eclipse', ({ eclipse }, place) => eclipse && placeEclipse(eclipse, place)],
  ['kill', ({ kill }, place) => kill && placeKill(kill, place)],
  ['pause', ({ pause }, place) => pause && placePause(pause, place)],
  ['restart', ({ restart }, place) => restart && placeRestart(restart, place)],
];

/** `place.path` is that of the fault. */
export function placeFault(
  fault: FaultBody,
  place: FaultPlace,
): Placed & { readonly kind: FaultKind } {
  for (const [kind, placer] of placers) {
    const placed = placer(fault, { ...place, path: [...place.path, kind] });
    if (placed !== undefined) return { kind, ...placed };
  }
  throw new TypeError(`the fault ${place.fault} is of no kind`);
}
