// The file that tells one reference node what it is: written by kinds/reference.ts, read by
// node-image/main.ts. One schema for both, so that they cannot drift apart. Everything in it is
// derived from the spec and randomSeed; the identities are no secrets (whoever has the spec has
// them), they only make peer ids reproducible.
import * as z from 'zod';

const port = z.int().min(1).max(65_535);
const identity = z.string().regex(/^[0-9a-f]{64}$/, '32 bytes of hex');
const name = z.string().min(1).max(64);

/** A name of the cluster's DNS, on Kubernetes. */
const host = z.union([z.ipv4(), z.string().regex(/^[a-z0-9][a-z0-9.-]{0,252}$/)]);

const peer = z.strictObject({ name, address: host, port, identity });

export const referenceNodeConfig = z.strictObject({
  name,
  testnet: name,
  role: z.enum(['full', 'miner', 'adversary']),
  /** Everything listens on it and dials from it; if it is a name, on the address in POD_IP. */
  address: host,
  port,
  httpPort: port,
  identity,
  encryption: z.enum(['noise', 'plaintext']),
  /** Kept for ever. */
  dials: z.array(peer).max(10_000),
  /** Where discovery begins. */
  seeds: z.array(peer).max(10_000),
  /** Takes part in the DHT: the testnet's nodes find each other by themselves. */
  discovers: z.boolean(),
  /** More peers are looked for until so many are connected outbound. */
  outboundPeers: z.int().min(0).max(1_000),
  inboundPeers: z.int().min(0).max(100_000),
  /** Miners only: the mean of the exponential times between its own blocks. */
  meanBlockMs: z.number().positive().optional(),
});

export type ReferenceNodeConfig = z.infer<typeof referenceNodeConfig>;
export type ReferencePeer = z.infer<typeof peer>;
