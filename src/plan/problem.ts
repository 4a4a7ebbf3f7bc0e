// What the plan has to say about a spec: findings with paths from the document's root. The spec
// room adds line and column, and has checked before all that one item can have wrong in itself.
// Functions here take a `report` and go on, so that a user sees all problems at once.
import { nearest } from '../spec/nearest.ts';
import { type Finding, listed, quote } from '../spec/problems.ts';

export type PlanProblem = Finding;
export type Report = (problem: PlanProblem) => void;

export function noneNamed(name: string, what = 'node'): string {
  return `no ${what} is named ${quote(name)}`;
}

/** `no group is named "ful", did you mean full?` */
export function unknownName(what: string, name: string, known: Iterable<string>): string {
  const names = [...known];
  const meant = nearest(name, names);
  const message = noneNamed(name, what);
  if (meant !== undefined) return `${message}, did you mean ${meant}?`;
  if (names.length === 0) return `${message}, there are none`;
  return names.length > 12 ? message : `${message}, there are ${listed(names)}`;
}
