// What makes no sense in one fault, whatever the network looks like.
import { quantity } from '../quantities/quantities.ts';
import { error, type Finding, listed, type Path } from './problems.ts';
import { exactlyOne, given, noneOf } from './rules.ts';
import { type Fault, type FaultKind, faultKinds } from './schema.ts';

export const overAtOnce: readonly FaultKind[] = ['kill', 'restart'];
export const linkProperties = [
  'loss',
  'burst',
  'delay',
  'jitter',
  'rate',
  'duplicate',
  'corrupt',
  'reorder',
] as const;

/** `openEnded`: without `for` it lasts until it is cleared. */
export function checkFault(
  path: Path,
  fault: Omit<Fault, 'name'>,
  { openEnded } = { openEnded: false },
): Finding[] {
  const findings = exactlyOne(path, fault, faultKinds);
  const [kind, ...more] = given(fault, faultKinds);
  if (more.length > 0) return findings;
  if (kind !== undefined && overAtOnce.includes(kind)) {
    const because = kind === 'kill' ? 'a kill is for good' : 'a restart ends by itself (downtime)';
    findings.push(...noneOf(path, fault, { keys: ['for'], because }));
  } else if (kind !== undefined && fault.for === undefined && !openEnded) {
    findings.push(error([...path, 'for'], `missing, a ${kind} needs a duration such as 30s`));
  }
  if (fault.partition !== undefined) {
    findings.push(...checkPartition([...path, 'partition'], fault.partition));
  }
  if (fault.link !== undefined) findings.push(...checkLinkFault([...path, 'link'], fault.link));
  return findings;
}

function checkPartition(path: Path, partition: NonNullable<Fault['partition']>): Finding[] {
  const { sides, rest, oneWay } = partition;
  if (oneWay && sides.length !== 2) {
    return [error([...path, 'oneWay'], `needs exactly two sides, got ${sides.length}`)];
  }
  if (sides.length === 1 && rest === 'join-first') {
    return [error([...path, 'rest'], 'cuts nothing, with one side the rest must not join it')];
  }
  return [];
}

function checkLinkFault(path: Path, link: NonNullable<Fault['link']>): Finding[] {
  const findings = checkJitter(path, link);
  if (given(link, linkProperties).length === 0) {
    const choice = listed(linkProperties, 'or');
    findings.push(error(path, `changes nothing, must have one of ${choice}`));
  }
  return findings;
}

type Delayed = { readonly delay?: string | undefined; readonly jitter?: string | undefined };

/** Below three sigma the kernel would cut the distribution off at zero and shift its mean. */
export function checkJitter(
  path: Path,
  { delay, jitter, rtt }: Delayed & { readonly rtt?: string | undefined },
): Finding[] {
  if (jitter === undefined) return [];
  const here = [...path, 'jitter'];
  const mean = delay ?? rtt;
  if (mean === undefined) {
    return [error(here, 'needs a delay beside it, at least three times as long')];
  }
  const sigma = quantity('duration', jitter);
  // Each direction gets half of a round trip, and its jitter divided by the root of 2.
  const [meanMs, sigmaMs] =
    delay === undefined
      ? [quantity('duration', mean) / 2, sigma / Math.SQRT2]
      : [quantity('duration', mean), sigma];
  if (meanMs >= 3 * sigmaMs) return [];
  const field = delay === undefined ? 'rtt' : 'delay';
  const most = delay === undefined ? (meanMs * Math.SQRT2) / 3 : meanMs / 3;
  const limit = `${Math.floor(most * 10) / 10}ms`;
  return [error(here, `too large for ${field}: ${mean}, got ${jitter}, at most ${limit}`)];
}
