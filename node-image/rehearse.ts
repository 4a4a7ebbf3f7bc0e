// What every node does in its first seconds, done once by two of them in one process: connect,
// find each other's chain, pass on a block, be observed, ping, stop. Why: load.ts.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { fail } from '../src/errors.ts';
import type { ReferenceNodeConfig } from '../src/kinds/reference-config.ts';
import { startNode } from './node.ts';

const address = '127.0.0.1';
/** A first ping is sent after 5 s. */
const limitMs = 20_000;

/** Rejects when they do not find each other. */
export async function rehearse(): Promise<void> {
  // What has been compiled is kept until the end. Both flags count for whom the code fits.
  setFlagsFromString('--no-flush-bytecode');
  const directory = mkdtempSync(join(tmpdir(), 'peerstorm-rehearsal-'));
  try {
    const [one, two] = await Promise.all([configOf('one'), configOf('two')]);
    const listening = await startNode(one, join(directory, one.name));
    const mining = { role: 'miner', meanBlockMs: 300 } as const;
    const dialling = await startNode(
      { ...two, ...mining, dials: [one] },
      join(directory, two.name),
    );
    await observed(one, (text) => Number(/"height":(\d+)/.exec(text)?.[1]) > 2);
    await observed(two, (text) => !/round_trip_seconds":0[,}]/.test(text));
    await Promise.all([listening.stop(), dialling.stop()]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
    setFlagsFromString('--flush-bytecode');
  }
}

async function configOf(name: string): Promise<ReferenceNodeConfig> {
  return {
    name,
    testnet: 'rehearsal',
    role: 'full',
    address,
    port: await freePort(),
    httpPort: await freePort(),
    identity: Buffer.alloc(32, name).toString('hex'),
    encryption: 'noise',
    dials: [],
    seeds: [],
    discovers: false,
    outboundPeers: 0,
    inboundPeers: 8,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const own = server.address();
  server.close();
  if (own === null || typeof own === 'string') throw new TypeError('no port');
  return own.port;
}

/** Asks as an observer does, until it is so. */
async function observed(
  { httpPort }: ReferenceNodeConfig,
  isSo: (text: string) => boolean,
): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    const reply = await fetch(`http://${address}:${httpPort}/observation?since=0`);
    if (isSo(await reply.text())) return;
    if (Date.now() > end) throw fail('TIMEOUT', `the nodes did not meet in ${limitMs} ms`);
    await sleep(200);
  }
}
