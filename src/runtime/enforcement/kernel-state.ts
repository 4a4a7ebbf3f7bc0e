// What the kernel holds, read back and compared with what it was told.
import { fail } from '../../errors.ts';
import type { Place } from '../../faults/place.ts';
import {
  type Count,
  classDifferences,
  countersIn,
  type Leaf,
  leavesOf,
  tableDifferences,
  unplannedDrops,
} from '../../faults/readback.ts';
import { type Ruleset, type TcClass, tableName } from '../../faults/ruleset.ts';
import type { NodeName } from '../../names.ts';
import type { Outcome } from '../fabric/kernel-commands.ts';
import type { FaultCounters } from '../runtime.ts';
import type { Ahead } from './ahead.ts';

/** Runs nft or tc where the rules are to be; a failure is a value. */
export type Tool = (
  program: 'nft' | 'tc' | 'ip',
  args: readonly string[],
  options?: {
    readonly input?: string;
    /** After what is more urgent. */
    readonly later?: boolean;
  },
) => Promise<Outcome>;

/** The same for what can wait. */
export function later(tool: Tool): Tool {
  return (program, args, options) => tool(program, args, { ...options, later: true });
}

/** Hands a transaction to nft: to the process that waits for it, else to one of its own. */
export async function nft(tool: Tool, input: string, ahead?: Ahead): Promise<void> {
  const outcome = await (ahead?.run(input) ?? tool('nft', ['-f', '-'], { input }));
  if (!outcome.ok) throw fail('ENFORCE_FAILED', outcome.message);
}

/** What of a ruleset can be there before it takes effect; all of it or nothing. */
export async function loadRuleset(
  tool: Tool,
  { load, base, faults, generation }: Ruleset,
): Promise<void> {
  try {
    for (const text of load) await nft(tool, text);
  } catch (error) {
    // What was loaded hangs in the air and would only take up room.
    for (const { number, remove } of [faults, base]) {
      if (number === generation) await tool('nft', ['-f', '-'], { input: remove });
    }
    throw error;
  }
}

/** What the program wrote; throws COMMAND_FAILED with its own message. */
export async function output(
  tool: Tool,
  program: 'nft' | 'tc',
  args: readonly string[],
): Promise<string> {
  const outcome = await tool(program, args);
  if (!outcome.ok) throw fail('COMMAND_FAILED', outcome.message);
  return outcome.stdout;
}

/** All named counters of our table. */
export async function readCounters(tool: Tool): Promise<ReadonlyMap<string, Count>> {
  return countersIn(await output(tool, 'nft', ['list', 'counters', 'table', 'inet', tableName]));
}

/** Of the fault with that number. */
export function countersOf(counters: ReadonlyMap<string, Count>, id: number): FaultCounters {
  const matched = counters.get(`f${id}_matched`);
  const dropped = counters.get(`f${id}_dropped`);
  return {
    matchedPackets: matched?.packets ?? 0,
    matchedBytes: matched?.bytes ?? 0,
    droppedPackets: dropped?.packets ?? 0,
    droppedBytes: dropped?.bytes ?? 0,
  };
}

/** The leaves of our traffic classes on all ports. */
export async function readLeaves(tool: Tool): Promise<readonly Leaf[]> {
  return leavesOf(await output(tool, 'tc', ['-s', '-j', 'qdisc', 'show']));
}

export type Expected = {
  readonly place: Place;
  readonly ruleset: Ruleset;
  readonly classes: readonly TcClass[];
  readonly deviceOf: (node: NodeName) => string;
};

type Reading = {
  /** Of our table. */
  readonly listing: Outcome;
  readonly tool: Tool;
};

type Inspected = { readonly drift: string | undefined; readonly queueDrops: number };

/**
 * How the kernel's state differs from that, if it does, and what its queues have lost. A difference
 * ends a run, so it is looked for twice: somebody's meddling is still there a moment later.
 */
export async function confirmed(expected: Expected, reading: Reading): Promise<Inspected> {
  const first = await inspect(expected, reading);
  if (first.drift === undefined) return first;
  const { tool } = reading;
  const listing = await tool('nft', ['list', 'table', 'inet', tableName]);
  return await inspect(expected, { listing, tool });
}

async function inspect(
  { place, ruleset, classes, deviceOf }: Expected,
  { listing, tool }: Reading,
): Promise<Inspected> {
  const leaves = classes.length === 0 ? [] : await readLeaves(tool);
  const differences = [
    ...(listing.ok ? tableDifferences(ruleset, listing.stdout, place) : [listing.message]),
    ...classDifferences(classes, leaves, deviceOf),
  ];
  const queueDrops = unplannedDrops(leaves);
  if (differences.length === 0) return { drift: undefined, queueDrops };
  const more = differences.length > 5 ? `; and ${differences.length - 5} more` : '';
  return { drift: differences.slice(0, 5).join('; ') + more, queueDrops };
}
