// The shapes that machines exchange (objects.ts) as schemas with bounds. The definitions of our
// objects are made from them, and whoever reads such an object may check it with them before use.
// That they let through everything the types allow is checked by the compiler.
import { z } from 'zod';
import type { Impairment } from '../../faults/effect.ts';
import type { NodeName } from '../../names.ts';
import type { Enforcement, FaultCounters } from '../runtime.ts';
import type {
  Condition,
  FaultObject,
  HostReport,
  NetworkSchedule,
  NetworkState,
  NodeEntry,
  ObserveOrder,
  ProbeHalf,
  ProbeOrder,
  TestnetReport,
  TestnetStatus,
  WireEffect,
} from './objects.ts';

type Meta = { apiVersion: unknown; kind: unknown; metadata: unknown };
type Item<List> = NonNullable<List> extends readonly (infer One)[] ? One : never;

const text = (most: number) => z.string().max(most);
const count = z.int().min(0);
/** Milliseconds, or milliseconds since 1970. */
const ms = z.number();
const time = text(40).meta({ format: 'date-time' });
const name = text(63);
const node = z
  .custom<NodeName>((value) => typeof value === 'string')
  .meta({
    type: 'string',
    maxLength: 63,
  });
const list = <T extends z.ZodType>(item: T, most: number) => z.array(item).max(most).readonly();
function table<K extends z.core.$ZodRecordKey, V extends z.ZodType>(
  key: K,
  value: V,
  most: number,
) {
  return z.record(key, value).meta({ maxProperties: most });
}

type KeysOf<T> = T extends unknown ? keyof T : never;

/** A schema of T: the compiler sees that no field is forgotten, for the server would drop it. */
function fieldsOf<T>() {
  return <Fields extends Readonly<Record<KeysOf<T>, z.ZodType>>>(
    fields: Fields &
      (T extends z.input<z.ZodObject<Fields>> ? unknown : 'a field refuses what its type allows'),
  ): z.ZodObject<Fields> => z.object<Fields>(fields);
}

/** KEP-1623, with its limits. */
const condition = fieldsOf<Condition>()({
  type: z.enum([
    'Accepted',
    'Ready',
    'Reconciling',
    'Stalled',
    'FaultsApplied',
    'Finished',
    'Succeeded',
  ]),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().min(1).max(1024).describe('One word that programs can read.'),
  message: text(32_768).describe('For people.'),
  observedGeneration: count.describe('Of the spec that this is about.'),
  lastTransitionTime: time.describe('When `status` changed last.'),
});
const conditions = list(condition, 16).describe('What is so, and why.');
const generation = count.describe('Of the spec that this status is about.');

const faultStatus = fieldsOf<Item<TestnetStatus['faults']>>()({
  name,
  kind: text(32),
  state: z.enum(['planned', 'active', 'over', 'cleared']),
  start: time.optional().describe('Planned; absolute.'),
  end: time.optional().describe('Planned; absolute.'),
  enforced: time.optional().describe('When it was in force on all nodes.'),
  healed: time.optional().describe('When it was gone from all nodes.'),
  proof: text(64).optional().describe('What counters and probes say.'),
});
const claimStatus = fieldsOf<Item<TestnetStatus['expectations']>>()({
  name: text(80),
  status: z.enum(['pending', 'passed', 'failed', 'error']),
  reason: z
    .enum([
      'violated',
      'not-reached',
      'never-observed',
      'silent',
      'count',
      'unsettled',
      'unobserved',
      'no-window',
      'aborted',
    ])
    .optional(),
  message: text(4096).optional(),
});

export const testnetStatus = fieldsOf<TestnetStatus>()({
  observedGeneration: generation,
  conditions,
  planHash: text(128).optional().describe('Of the plan; set from acceptance on.'),
  nodes: z
    .object({ planned: count, running: count, ready: count })
    .describe('How many nodes there are.'),
  nodesReady: text(32).describe('ready/planned.'),
  faultsActive: text(32).optional().describe('active/known.'),
  startedAt: time.optional().describe('Time 0: all nodes were ready.'),
  finishedAt: time.optional().describe('The verdict fell.'),
  verdict: z.enum(['passed', 'failed', 'error']).optional().describe('How the run ended.'),
  exitCode: z.int().optional().describe('The exit status of `peerstorm test`.'),
  faults: list(faultStatus, 1024).optional().describe('Of the spec, and Fault objects.'),
  expectations: list(claimStatus, 1024).optional().describe('Verdicts of the claims.'),
  problems: list(text(32_768), 10).optional().describe('The first ten.'),
}).describe('What the controller found and did.');

export const faultObjectStatus = fieldsOf<NonNullable<FaultObject['status']>>()({
  observedGeneration: generation,
  conditions,
  start: time.optional().describe('Absolute; set from acceptance on.'),
  end: time.optional().describe('Absolute.'),
  proof: text(64).optional().describe('What counters and probes say.'),
}).describe('What the controller found and did.');

const nodeEntry = fieldsOf<NodeEntry>()({
  name: node,
  uid: text(64),
  ips: list(text(64), 16),
  waits: z.boolean().optional().describe('At its gate: its turn to start has not come.'),
});
/** Flat, since a definition knows no unions: the fields of a shape belong to `kind: shape`. */
const impairment = fieldsOf<Impairment>()({
  kind: z.enum(['drop', 'reject', 'shape']),
  lossRatio: z.number().optional(),
  burst: z
    .object({ enterRatio: z.number(), leaveRatio: z.number(), lossRatio: z.number() })
    .optional(),
  delayMs: ms.optional(),
  jitterMs: ms.optional(),
  rateBitsPerSecond: z.number().optional(),
  duplicateRatio: z.number().optional(),
  corruptRatio: z.number().optional(),
  reorder: z.object({ shareRatio: z.number(), byMs: ms }).optional(),
});
const wireEffect = fieldsOf<WireEffect>()({ fault: name, from: count, to: count, impairment });
const scheduledEffect = wireEffect.extend({ start: ms, end: ms.optional() });
const probePair = z
  .array(z.union([z.int(), text(63)]))
  .min(3)
  .max(3)
  .readonly();

const observeOrder = fieldsOf<ObserveOrder>()({
  everyMs: ms,
  groups: list(z.object({ name, kind: name, config: text(16_384) }), 1024),
});

const schedule = fieldsOf<NetworkSchedule>()({
  generation: count,
  leaseSeconds: z.number(),
  sets: list(list(text(80), 10_000), 20_000).describe('Sets of nodes as ranges: full 0-19.'),
  base: list(wireEffect, 20_000).describe('Links between regions.'),
  effects: list(scheduledEffect, 100_000).describe('Faults; from and to are indexes into sets.'),
  faultIds: table(name, count, 4096).describe('Counters are named by these numbers.'),
  probe: fieldsOf<ProbeOrder>()({ id: count, start: ms, pairs: list(probePair, 20_000) })
    .optional()
    .describe('The newest round of fault probes: [from, to, packets].'),
  openEgress: z.boolean().optional().describe('Nodes reach addresses outside the testnet.'),
  largePackets: z.boolean().optional().describe('Packets are not cut to the MTU.'),
  observe: observeOrder.optional().describe('Agents ask their own nodes of these groups.'),
});

export const networkState = fieldsOf<Omit<NetworkState, keyof Meta>>()({
  testnet: z.object({ name, uid: text(64) }).describe('The Testnet that this is about.'),
  nodes: list(nodeEntry, 2000).optional().describe('Who is where: one shard.'),
  schedule: schedule.optional().describe('What is in force when.'),
});

const faultTimes = fieldsOf<Enforcement['faults'][string]>()({
  enforcedAt: ms.optional(),
  healBeganAt: ms.optional(),
  healedAt: ms.optional(),
});
const counters = fieldsOf<FaultCounters>()({
  matchedPackets: count,
  matchedBytes: count,
  droppedPackets: count,
  droppedBytes: count,
});
const enforcement = fieldsOf<TestnetReport['enforcement']>()({
  generation: count,
  appliedAt: ms,
  faults: table(name, faultTimes, 4096),
  counters: table(text(128), counters, 8192),
  lapsedPackets: count,

  queueDrops: count.optional(),
  drift: text(16_384).optional(),
  problem: text(16_384).optional(),
});
const nodeReport = fieldsOf<TestnetReport['nodes'][NodeName]>()({
  incarnation: count.optional(),
  phase: z.enum(['absent', 'starting', 'running', 'paused', 'exited']).optional(),
  startedAt: ms.optional(),
  problem: text(16_384).optional(),
});
/** Either half; which fields it has says `half`. */
const probeHalf = fieldsOf<ProbeHalf>()({
  half: z.enum(['sent', 'received']),
  from: node,
  to: node,
  sent: count.optional(),
  sentAt: z.array(ms).min(2).max(2).readonly().optional(),
  received: count.optional(),
  reordered: count.optional(),
  delaysMs: list(ms, 10_000).optional(),
});
const testnetReport = fieldsOf<TestnetReport>()({
  namespace: name,
  name,
  uid: text(64),
  enforcement,
  appliedBetween: z.array(ms).min(2).max(2).readonly().optional(),
  pods: count,
  nodes: table(node, nodeReport, 10_000),
  probe: z.object({ id: count, results: list(probeHalf, 20_000) }).optional(),
});
const capability = fieldsOf<Item<HostReport['capabilities']>>()({
  feature: text(64),
  ok: z.boolean(),
  reason: text(4096),
  fix: text(4096).optional(),
});

export const hostReport = fieldsOf<Omit<HostReport, keyof Meta>>()({
  host: text(253).describe('The Kubernetes Node.'),
  reportedAt: time,
  agentStartedAt: time,
  agentVersion: text(128),
  agentAddress: text(64).optional().describe('Where it says what its nodes answer.'),
  capabilities: list(capability, 64).describe('What this host can do to packets and nodes.'),
  testnets: list(testnetReport, 1000).describe('What was enforced for each testnet here.'),
});
