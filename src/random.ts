// Seeded randomness. Every draw is named by a path (randomSeed, fault, node, ...), so that scaling
// a group or adding a fault never redraws what exists.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

type Path = readonly (string | number)[];

function digest(path: Path): Uint8Array {
  // JSON keeps ['a','b'] and ['ab'] apart.
  return sha256(utf8ToBytes(JSON.stringify(path)));
}

/** 64 hex digits that belong to this path. */
export function hashHex(...path: Path): string {
  return bytesToHex(digest(path));
}

/** A whole number below 2^48 that belongs to this path: for "the k smallest". */
export function hashNumber(...path: Path): number {
  const view = new DataView(digest(path).buffer);
  return view.getUint32(0) * 2 ** 16 + view.getUint16(4);
}

/** A stream of uniform numbers in [0, 1) that belongs to this path (sfc32, public domain). */
export function randomOf(...path: Path): () => number {
  const view = new DataView(digest(path).buffer);
  let a = view.getInt32(0);
  let b = view.getInt32(4);
  let c = view.getInt32(8);
  let counter = view.getInt32(12);
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** Exponential with that mean, by inversion. */
export function exponential(random: () => number, mean: number): number {
  return -mean * Math.log(1 - random());
}
