// What a spec can say about the pods of its nodes. Other runtimes leave it alone, and it is no part
// of the plan: the same network, wherever its nodes run. The pod is closed otherwise: no host
// paths, no host namespaces, no privileges, no service account.
import { z } from 'zod';
import { mapOf, size } from './scalars.ts';

export const image = z
  .string()
  .regex(/^[a-z0-9][A-Za-z0-9._:/@-]*$/)
  .max(512)
  .meta({ title: 'an image reference such as registry/name:tag' });

const objectName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/)
  .max(253)
  .meta({ title: 'the name of a Kubernetes object' });
const subdomain = String.raw`[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*`;
export const labelKey = z
  .string()
  .regex(new RegExp(`^(?:${subdomain}/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`))
  .max(317)
  .refine((key) => key.indexOf('/') <= 253, 'a key with at most 253 characters before the /')
  .meta({ title: 'the key of a Kubernetes label' });
export const labelValue = z
  .string()
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$/)
  .max(63)
  .meta({ title: 'the value of a Kubernetes label' });

const toleration = z.strictObject({
  key: labelKey.optional().describe('Of the taint; without it: all taints.'),
  operator: z.enum(['Equal', 'Exists']).optional().describe('Equal needs a value.'),
  value: labelValue.optional().describe('Of the taint.'),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .optional()
    .describe('Without it: all effects.'),
  tolerationSeconds: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('NoExecute: how long; without it: for ever.'),
});

const spread = z.strictObject({
  topologyKey: labelKey.describe('Label of hosts, such as kubernetes.io/hostname.'),
  maxSkew: z.int().min(1).max(10_000).default(1).describe('Nodes that one may have more.'),
  whenUnsatisfiable: z
    .enum(['DoNotSchedule', 'ScheduleAnyway'])
    .default('ScheduleAnyway')
    .describe('Is it a rule or a wish?'),
});

export const podSettings = z.strictObject({
  imagePullPolicy: z
    .enum(['Always', 'IfNotPresent', 'Never'])
    .optional()
    .describe('Default: what Kubernetes makes of the tag.'),
  imagePullSecrets: z
    .array(objectName)
    .max(16)
    .optional()
    .describe('Secrets in the namespace of the testnet.'),
  nodeSelector: mapOf(labelKey, labelValue, 64)
    .optional()
    .describe('Labels that a host must have.'),
  affinity: z
    .looseObject({})
    .optional()
    .describe('`spec.affinity` of the pods, as Kubernetes defines it.'),
  tolerations: z.array(toleration).max(32).optional().describe('Taints of hosts to live with.'),
  topologySpread: z
    .array(spread)
    .max(8)
    .optional()
    .describe('How evenly the nodes of a group are spread over hosts.'),
  requests: z
    .strictObject({
      cpus: z.number().positive().max(1024).optional().describe('CPU time per second.'),
      memory: size.optional().describe('Memory.'),
    })
    .optional()
    .describe('What the scheduler reserves for each node; default: `resources`.'),
  storage: z
    .strictObject({
      size: size.describe('Of each volume.'),
      className: objectName.optional().describe('StorageClass; default: that of the cluster.'),
      keep: z.boolean().default(false).describe('Volumes outlive the Testnet.'),
    })
    .optional()
    .describe('A volume claim for the data of each node; without it data ends with the pod.'),
  user: z
    .int()
    .min(0)
    .max(2_000_000_000)
    .optional()
    .describe('User and group id of the process; default: what the image says; 0 is root.'),
  writableRoot: z
    .boolean()
    .optional()
    .describe('May the node write outside its data directory and /tmp? (false)'),
});

export type PodSettings = z.output<typeof podSettings>;
