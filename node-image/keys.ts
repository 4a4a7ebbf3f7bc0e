// From 32 bytes of hex to a libp2p identity, so that the same spec gives the same peer ids.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { PeerId, PrivateKey } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';

// RFC 8410: PKCS #8 of an Ed25519 key is this prefix and the seed. OpenSSL derives the public half
// far faster than JavaScript does, and a node does it for each of its seeds and dials.
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function privateKeyOf(identity: string): PrivateKey {
  // libp2p's raw form: seed, then public key.
  return privateKeyFromRaw(Buffer.concat([Buffer.from(identity, 'hex'), rawPublicKey(identity)]));
}

export function peerIdOf(identity: string): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(rawPublicKey(identity)));
}

function rawPublicKey(identity: string): Uint8Array {
  const der = Buffer.concat([pkcs8, Buffer.from(identity, 'hex')]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}
