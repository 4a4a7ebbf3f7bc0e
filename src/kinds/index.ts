// All kinds of node. One file added here and one line below is one kind added.
import { bitcoind } from './bitcoind.ts';
import { custom } from './custom.ts';
import type { Kind, KindTable } from './kind.ts';
import { reference } from './reference.ts';

const all: readonly Kind[] = [bitcoind, custom, reference];

export const kinds: KindTable = new Map(all.map((kind) => [kind.name, kind]));
