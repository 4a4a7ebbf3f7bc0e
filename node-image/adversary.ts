// The adversary of an eclipse: it looks like a good peer (it listens, dials, keeps connections,
// answers pings, subscribes to gossip and so takes places in meshes) and lets nothing through. It
// relays no block, answers every request for blocks as if it had none, and holds no chain, so it
// has no say in what the network agrees on.
import { joinGossip } from './gossip.ts';
import type { Host } from './host.ts';
import { serve } from './sync.ts';

/** Starts the host. */
export async function playDead(host: Host, testnet: string): Promise<void> {
  await serve(host, testnet, () => []);
  await host.start();
  joinGossip(host, testnet, () => 'ignore');
}
