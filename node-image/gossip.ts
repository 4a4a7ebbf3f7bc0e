// New blocks by gossipsub: one topic a testnet, one block a message, nothing signed (the hash in
// the chain is what counts). A block is judged as it arrives, and only what may be of use to others
// is relayed.
import { TopicValidatorResult } from '@libp2p/gossipsub';
import { maxBlockBytes, readBlock, writeBlock } from './block-text.ts';
import { type Host, topicOf } from './host.ts';
import type { Block } from './ledger.ts';

export type Verdict = 'relay' | 'ignore' | 'reject';

export type Gossip = { readonly publish: (block: Block) => void };

/** `judge` gets every block that arrives, with the peer id of who sent it. */
export function joinGossip(
  host: Host,
  testnet: string,
  judge: (block: Block, from: string) => Verdict,
): Gossip {
  const topic = topicOf(testnet);
  const { gossip } = host.services;
  gossip.topicValidators.set(topic, (peer, message) => {
    const { data } = message;
    const block =
      data.byteLength <= maxBlockBytes ? readBlock(Buffer.from(data).toString('utf8')) : undefined;
    return results[block === undefined ? 'reject' : judge(block, peer.toString())];
  });
  gossip.subscribe(topic);
  return {
    publish: (block) => {
      // Fails only when the node stops.
      gossip.publish(topic, Buffer.from(writeBlock(block))).catch(() => {});
    },
  };
}

const results: Readonly<Record<Verdict, TopicValidatorResult>> = {
  relay: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};
