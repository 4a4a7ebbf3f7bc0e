// The spec: the only declaration of the shape of a Testnet document. Types, the JSON Schema for
// editors, docs/spec.md and (later) the CRD come from it. Quantities stay the strings that the user
// wrote (checked here, made numbers by plan), so what goes in and what comes out have one shape.
// Everything that needs more than one field at once is in checks.ts.
import { z } from 'zod';
import { image, labelKey, labelValue, podSettings } from './pod-schema.ts';
import { duration, label, mapOf, nodeName, rate, ratio, size } from './scalars.ts';

const comparison = z
  .string()
  .regex(/^(?:>=|<=|==|!=|>|<) ?-?\d+(?:\.\d+)?(?:[a-zA-Z]+|%)?$/)
  .max(40)
  .meta({ id: 'Comparison', title: 'a comparison such as ">= 2" or "< 500ms"' });
const countComparison = z
  .string()
  .regex(/^(?:>=|<=|==|!=|>|<) ?\d+$/)
  .max(40)
  .meta({ id: 'Count', title: 'a comparison with a whole number such as "== 0"' });

export const roles = ['full', 'light', 'miner', 'adversary'] as const;
const role = z.enum(roles);

const many = <T extends z.ZodType>(of: T) => z.array(of).min(1).max(64);
const selectorFields = {
  group: label.optional().describe('Nodes of this group.'),
  groups: many(label).optional().describe('Nodes of any of these groups.'),
  node: nodeName.optional().describe('This node.'),
  nodes: z.array(nodeName).min(1).max(1000).optional().describe('Any of these nodes.'),
  region: label.optional().describe('Nodes of this region.'),
  regions: many(label).optional().describe('Nodes of any of these regions.'),
  role: role.optional().describe('Nodes with this role.'),
  roles: many(role).optional().describe('Nodes with any of these roles.'),
  sample: z
    .union([z.int().min(1), ratio])
    .optional()
    .describe('So many of them (a number or a share), drawn by randomSeed.'),
};
const flatSelector = z.strictObject(selectorFields);
export const selector = z
  .strictObject({ ...selectorFields, not: flatSelector.optional().describe('But not these.') })
  .meta({ id: 'Selector', title: 'a selector such as { group: full }' })
  .describe('Which nodes: all given fields must hold; {} is everybody.');

const region = z.strictObject({ name: label.describe('Groups and links refer to it.') });

const link = z
  .strictObject({
    between: z.tuple([label, label]).optional().describe('Between these two regions.'),
    within: label.optional().describe('Inside this region.'),
    default: z.literal(true).optional().describe('Pairs of different regions without a between.'),
    rtt: duration.optional().describe('Round trip; half of it in each direction.'),
    delay: duration.optional().describe('One way, in each direction.'),
    jitter: duration.optional().describe('Sigma of a normal distribution; delay >= 3 x jitter.'),
    loss: ratio.optional().describe('Share of packets lost in each direction.'),
    rate: rate.optional().describe('Per ordered pair of nodes.'),
  })
  .describe('Properties of the links between regions; exactly one of between, within, default.');

const network = z
  .strictObject({
    regions: z.array(region).max(64).default([]).describe('Where nodes sit.'),
    links: z.array(link).max(512).default([]).describe('In force for the whole run.'),
    addressing: z
      .strictObject({
        pool: z
          .enum(['private', 'public-like'])
          .default('private')
          .describe('10.64.0.0/10, or 11.0.0.0/8, which looks public and is never routed.'),
        netgroups: z.int().min(1).max(64).default(1).describe('Spread over that many /16s.'),
      })
      .optional()
      .describe('The addresses of nodes.'),
    packets: z
      .enum(['mtu', 'gso'])
      .default('mtu')
      .describe('mtu: every packet crosses alone; gso: faster, loss hits up to 64 KiB at a time.'),
    egress: z
      .enum(['closed', 'open'])
      .optional()
      .describe('Kubernetes: may nodes reach addresses outside the testnet? (closed)'),
  })
  .describe('Regions, the links between them, and addresses.');

const via = z.enum(['address', 'dns', 'none']);
const discovery = z
  .strictObject({
    seeds: selector.optional().describe('Who is in the seed list; default: bootstrap groups.'),
    via: via.default('address').describe('Seeds as IP addresses, as DNS names, or no seeds.'),
  })
  .describe('How nodes are told of their first peers.');

const group = z
  .strictObject({
    name: label.describe('Nodes are <name>-0, <name>-1, ...'),
    count: z.int().min(1).max(60_000).default(1).describe('How many nodes.'),
    kind: label.describe('What software the nodes run.'),
    role: role.default('full').describe('What a kind offers; not every kind has all.'),
    bootstrap: z.boolean().default(false).describe('Others are seeded with these nodes.'),
    peered: z
      .boolean()
      .optional()
      .describe('Ready only with a peer; default: if it has a dial or seed.'),
    regions: mapOf(label, z.union([z.int().min(1).max(1_000_000), ratio]), 64)
      .optional()
      .describe('Integers are weights, percentages are shares; default: evenly over all.'),
    discovery: discovery.optional().describe('Instead of spec.discovery, for this group.'),
    restartPolicy: z
      .enum(['never', 'always'])
      .default('never')
      .describe('When a node exits unasked.'),
    resources: z
      .strictObject({
        cpus: z.number().positive().max(1024).optional().describe('CPU time per second.'),
        memory: size.optional().describe('Limit; a node that is killed for it voids the run.'),
      })
      .optional()
      .describe('Limits of each node.'),
    image: image
      .optional()
      .describe('Kubernetes: required for every kind but reference; other runtimes ignore it.'),
    kubernetes: podSettings
      .optional()
      .describe('Pods of this group; each field stands instead of the one in spec.kubernetes.'),
    config: z.looseObject({}).default({}).describe('Depends on the kind, see docs/kinds.md.'),
  })
  .describe('Nodes declared together: <group>-0, <group>-1, ...');

/** More are read from a file or a ConfigMap. */
export const edgesInline = 5000;
export const edgesFrom = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe('A path, from the folder of the spec; read by the CLI, on all runtimes.'),
    configMap: z
      .strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/)
          .max(253)
          .meta({ title: 'the name of a ConfigMap' })
          .describe('In the namespace of the Testnet.'),
        key: z
          .string()
          .regex(/^[A-Za-z0-9._-]+$/)
          .max(253)
          .meta({ title: 'a key of a ConfigMap' })
          .describe('Which part of it; what ends in .gz is gzip, in binaryData.'),
      })
      .optional()
      .describe('Only on Kubernetes; read once, before the run begins.'),
  })
  .describe('edges: where the list of them is; exactly one of file, configMap.');
const topology = z
  .strictObject({
    model: z
      .enum(['full-mesh', 'ring', 'star', 'random-regular', 'bitcoin', 'edges', 'none'])
      .describe('none: nodes find each other by discovery only.'),
    degree: z.int().min(1).max(1000).optional().describe('random-regular: peers of each node (8).'),
    outbound: z.int().min(1).max(1000).optional().describe('bitcoin: dials of each node (8).'),
    hub: nodeName.optional().describe('star: the node in the middle (the first node).'),
    edges: z
      .array(z.tuple([nodeName, nodeName]))
      .max(edgesInline)
      .optional()
      .describe('edges: who dials whom.'),
    edgesFrom: edgesFrom.optional(),
  })
  .describe('Who is told to dial whom.');

const partition = z.strictObject({
  sides: z.array(selector).min(1).max(64).describe('No packet crosses from one to another.'),
  rest: z
    .enum(['own-side', 'join-first', 'isolated'])
    .default('own-side')
    .describe('What becomes of nodes that no side selects.'),
  oneWay: z.boolean().default(false).describe('Only packets from the first side to the second.'),
  mode: z.enum(['drop', 'reject']).default('drop').describe('Silence, or an error to the sender.'),
});
const linkFault = z.strictObject({
  from: selector.describe('Senders.'),
  to: selector.describe('Receivers; a node and itself are left out.'),
  symmetric: z.boolean().default(false).describe('Also from `to` to `from`.'),
  loss: ratio.optional().describe('Share of packets lost, independently.'),
  burst: z
    .strictObject({
      enter: ratio.describe('Chance to become lossy.'),
      leave: ratio.describe('Chance to recover.'),
      loss: ratio.default('100%').describe('Share lost while lossy.'),
    })
    .optional()
    .describe('Gilbert-Elliott: chance per packet to enter and leave the lossy state.'),
  delay: duration.optional().describe('One way; adds to what is there.'),
  jitter: duration
    .optional()
    .describe('Sigma of a normal distribution; delay >= 3 x jitter. It reorders packets.'),
  rate: rate.optional().describe('Per ordered pair of nodes.'),
  duplicate: ratio.optional().describe('Share of packets sent twice.'),
  corrupt: ratio.optional().describe('Share of packets with a flipped bit.'),
  reorder: z
    .strictObject({
      share: ratio.describe('Of the packets.'),
      by: duration.describe('How much later they arrive.'),
    })
    .optional()
    .describe('Some packets arrive later than those behind them.'),
});
const eclipse = z.strictObject({
  victims: selector.describe('Each is cut from everybody but the attackers.'),
  attackers: selector.describe('Each is told to dial each victim.'),
  mode: z.enum(['network']).default('network').describe('By cutting links.'),
});
const signal = z.enum(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']);
const targets = selector.describe('Which nodes.');
const kill = z.strictObject({
  targets,
  signal: signal.default('SIGKILL').describe('What ends them.'),
});
const pause = z.strictObject({ targets });
const restart = z.strictObject({
  targets,
  downtime: duration.default('0s').describe('Between the end and the new start.'),
  signal: signal.default('SIGTERM').describe('What ends them; SIGKILL if that takes too long.'),
});

/** One entry per fault kind: the key in YAML and its parameters. */
export const faultParameters = {
  partition: partition.optional().describe('Split the network into sides.'),
  link: linkFault.optional().describe('Loss, delay, rate and the like between nodes.'),
  eclipse: eclipse.optional().describe('Victims reach attackers only.'),
  kill: kill.optional().describe('End nodes for good.'),
  pause: pause.optional().describe('Stop nodes with SIGSTOP, then let them go on.'),
  restart: restart.optional().describe('End nodes and start them again on the same data.'),
};
export type FaultKind = keyof typeof faultParameters;
export const faultKinds: readonly FaultKind[] = z.strictObject(faultParameters).keyof().options;
const fault = z
  .strictObject({
    name: label.describe('Expectations refer to it.'),
    at: duration.describe('From time 0, when all nodes are ready.'),
    for: duration.optional().describe('Required but for kill and restart.'),
    ...faultParameters,
  })
  .describe('A disturbance with a start, a length and targets; exactly one kind.');

const expectation = z
  .strictObject({
    name: z.string().min(1).max(80).describe('Free text.'),
    at: duration.optional().describe('It holds at this time.'),
    during: label.optional().describe('It holds while this fault is on.'),
    after: label.optional().describe('It becomes true after the heal of this fault.'),
    within: duration.optional().describe('after: it must become true in this time.'),
    always: z.literal(true).optional().describe('It holds at every sample.'),
    throughout: z.literal(true).optional().describe('during: at every sample.'),
    settle: duration.optional().describe('Skip so long at the start of a window.'),
    stays: duration.optional().describe('How long it must hold (3s).'),
    except: z
      .array(label)
      .max(64)
      .optional()
      .describe('always: leave out the windows of these faults.'),
    metric: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('What is measured, see docs/metrics.md.'),
    of: selector.optional().describe('Metrics of nodes: of these; default: of all.'),
    aggregate: z
      .enum(['min', 'max', 'mean', 'sum', 'count', 'p50', 'p95'])
      .optional()
      .describe('Metrics of nodes: fold them; default: every node must satisfy `is`.'),
    is: comparison.optional().describe('What must hold.'),
    log: z
      .strictObject({
        of: selector.describe('Whose logs.'),
        matches: z.string().min(1).max(500).describe('A regular expression (RE2).'),
      })
      .optional()
      .describe('Instead of a metric: lines of the logs, over the whole run.'),
    count: countComparison.optional().describe('log: how many such lines.'),
  })
  .describe('A claim about what is observed; it passes or fails.');

const testnetSpec = z.strictObject({
  randomSeed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(1)
    .describe('Same spec and seed, same plan, byte for byte.'),
  duration: duration.optional().describe('End of the run; default: when all is settled.'),
  sampleInterval: duration.default('1s').describe('How often all nodes are observed.'),
  network: network.default({ regions: [], links: [], packets: 'mtu' }),
  groups: z.array(group).min(1).max(256).describe('The nodes.'),
  topology: topology.default({ model: 'random-regular' }),
  discovery: discovery.default({ via: 'address' }),
  faults: z.array(fault).max(256).default([]).describe('What is broken, and when.'),
  expect: z.array(expectation).max(256).default([]).describe('What must be true.'),
  kubernetes: podSettings.optional().describe('Pods of all groups; other runtimes ignore it.'),
  afterRun: z
    .enum(['keep', 'delete'])
    .optional()
    .describe('Kubernetes: do nodes stay when the run is over? (delete)'),
});

const metadata = z.strictObject({
  name: label.describe('The testnet is found by it.'),
  namespace: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/)
    .max(63)
    .meta({ title: 'the name of a Kubernetes namespace' })
    .optional()
    .describe('Kubernetes only.'),
  labels: mapOf(labelKey, labelValue, 64).optional().describe('Free; Kubernetes selects by them.'),
  // All of them together stay below the 256 KiB that Kubernetes allows.
  annotations: mapOf(labelKey, z.string().max(1024), 64).optional().describe('Free.'),
});

export const testnet = z.strictObject({
  apiVersion: z.literal('peerstorm.dev/v1alpha1').describe('Version of this format.'),
  kind: z.literal('Testnet').describe('What the document is.'),
  metadata,
  spec: testnetSpec,
});

/** `kind: Fault`: a fault on a running testnet (`peerstorm fault apply`). */
export const faultDocument = z.strictObject({
  apiVersion: z.literal('peerstorm.dev/v1alpha1').describe('Version of this format.'),
  kind: z.literal('Fault').describe('What the document is.'),
  metadata,
  spec: fault.omit({ name: true }).extend({
    testnet: label.describe('The running testnet.'),
    at: duration.default('0s').describe('From acceptance.'),
  }),
});

export type Testnet = z.output<typeof testnet>;
export type TestnetSpec = Testnet['spec'];
export type Group = z.output<typeof group>;
export type Link = z.output<typeof link>;
export type Selector = z.output<typeof selector>;
export type FlatSelector = z.output<typeof flatSelector>;
export type Topology = z.output<typeof topology>;
export type EdgesFrom = z.output<typeof edgesFrom>;
export type Fault = z.output<typeof fault>;
export type Expectation = z.output<typeof expectation>;
export type FaultDocument = z.output<typeof faultDocument>;
export type Role = (typeof roles)[number];
