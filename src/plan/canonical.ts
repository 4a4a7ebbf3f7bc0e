// Canonical JSON (keys sorted, no white space) and its hash: what makes two plans the same plan.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Hex SHA-256 of the value's canonical JSON. */
export function canonicalHash(value: unknown): string {
  const hash = sha256.create();
  let pending = '';
  // In pieces: the text of a plan with 60,000 nodes is tens of megabytes.
  write(value, (text) => {
    pending += text;
    if (pending.length < 65_536) return;
    hash.update(utf8ToBytes(pending));
    pending = '';
  });
  hash.update(utf8ToBytes(pending));
  return bytesToHex(hash.digest());
}

/** Hands out the canonical JSON of a plain value piece by piece; undefined fields are left out. */
export function write(value: unknown, emit: (text: string) => void): void {
  if (typeof value !== 'object' || value === null || isFlat(value)) emit(JSON.stringify(value));
  else if (Array.isArray(value)) writeList(value, emit);
  else writeMap(value, emit);
}

/** What JSON.stringify itself writes canonically, many times faster: most of a plan is such. */
function isFlat(value: object): boolean {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object');
}

function writeList(list: readonly unknown[], emit: (text: string) => void): void {
  emit('[');
  for (const [at, item] of list.entries()) {
    if (at > 0) emit(',');
    write(item, emit);
  }
  emit(']');
}

function writeMap(map: object, emit: (text: string) => void): void {
  const entries = Object.entries(map)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  emit('{');
  for (const [at, [key, item]] of entries.entries()) {
    emit(`${at > 0 ? ',' : ''}${JSON.stringify(key)}:`);
    write(item, emit);
  }
  emit('}');
}
