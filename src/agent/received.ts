// What an agent takes from the API is checked again here, though the server has checked it: of it
// rules for the kernel are made, and who may write a NetworkState must not be able to write nft.
// Names, numbers and addresses are what they say, and everything has a bound.
import { isIP } from 'node:net';
import { z } from 'zod';
import { type NodeName, nodeName } from '../names.ts';
import type { NetworkState, PodOrder } from '../runtime/kubernetes/objects.ts';

export type Received<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

const label = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/);
const node = z
  .string()
  .max(80)
  .regex(/^[a-z][a-z0-9-]*-\d{1,6}$/)
  .transform(nodeNameOf);
const uid = z.string().regex(/^[0-9a-zA-Z-]{1,64}$/);
const address = z.string().refine((text) => isIP(text) !== 0, 'no IP address');
const ratio = z.number().min(0).max(1);
const duration = z.number().min(0).max(3_600_000);
const time = z.number().min(0).max(1e14);
const number = z.number().int().min(0);

const shape = z.strictObject({
  kind: z.literal('shape'),
  lossRatio: ratio.exactOptional(),
  burst: z.strictObject({ enterRatio: ratio, leaveRatio: ratio, lossRatio: ratio }).exactOptional(),
  delayMs: duration.exactOptional(),
  jitterMs: duration.exactOptional(),
  rateBitsPerSecond: z.number().positive().max(1e12).exactOptional(),
  duplicateRatio: ratio.exactOptional(),
  corruptRatio: ratio.exactOptional(),
  reorder: z.strictObject({ shareRatio: ratio, byMs: duration }).exactOptional(),
});
const impairment = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop') }),
  z.strictObject({ kind: z.literal('reject') }),
  shape,
]);
/** Empty for the base layer. */
const fault = z.union([z.literal(''), label]);
const effect = { fault, from: number, to: number, impairment };
const range = z.string().regex(/^[a-z][a-z0-9-]{0,62} \d{1,6}(-\d{1,6})?$/);

const schedule = z.object({
  generation: number,
  leaseSeconds: z.number().min(1).max(600),
  sets: z.array(z.array(range).max(10_000)).max(20_000),
  base: z.array(z.strictObject(effect)).max(20_000),
  effects: z
    .array(z.strictObject({ ...effect, start: time, end: time.exactOptional() }))
    .max(100_000),
  faultIds: z.record(label, number.max(1e6)),
  probe: z
    .object({
      id: number,
      start: time,
      pairs: z.array(z.tuple([node, node, number.max(100_000)])).max(20_000),
    })
    .exactOptional(),
  openEgress: z.boolean().exactOptional(),
  largePackets: z.boolean().exactOptional(),
  observe: z
    .object({
      everyMs: number.min(100).max(3_600_000),
      groups: z
        .array(z.object({ name: label, kind: label, config: z.string().max(16_384) }))
        .max(1_024),
    })
    .exactOptional(),
});

const state = z.object({
  testnet: z.object({ name: label, uid }),
  nodes: z
    .array(
      z.object({
        name: node,
        uid,
        ips: z.array(address).max(16),
        waits: z.boolean().exactOptional(),
      }),
    )
    .max(2_000)
    .exactOptional(),
  schedule: schedule.exactOptional(),
});

const signals = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
const order = z.object({
  incarnation: number,
  run: z.enum(['running', 'paused', 'stopped']),
  stop: z
    .object({ signal: z.enum(signals), graceSeconds: z.number().min(0).max(3_600) })
    .exactOptional(),
});

export function readState(
  object: unknown,
): Received<Pick<NetworkState, 'testnet' | 'nodes' | 'schedule'>> {
  return received(state, object);
}

/** Of the annotation's text. */
export function readOrder(text: string): Received<PodOrder> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'no JSON' };
  }
  return received(order, value);
}

/** `full-12`, or undefined if no node can be called so. */
export function readNodeName(text: string): NodeName | undefined {
  const { data } = node.safeParse(text);
  return data;
}

function received<T>(schema: z.ZodType<T>, value: unknown): Received<T> {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return { ok: true, value: data };
  const [issue] = error.issues;
  return { ok: false, reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
}

function nodeNameOf(text: string): NodeName {
  const at = text.lastIndexOf('-');
  return nodeName(text.slice(0, at), Number(text.slice(at + 1)));
}
