// What every node does in its first seconds, done once by two of them in one process: connect,
// find each other's chain, pass on a block, be observed, ping, stop. Why: load.ts.
import { randomInt } from 'node:crypto';
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

/** Other than 127.0.0.1, whose ports everybody's dials take. */
const address = `127.${[0, 0, 0].map(() => randomInt(1, 255)).join('.')}`;
/** A first ping is sent after 5 s. */
const limitMs = 20_000;

/** Rejects when they do not find each other. */
export async function rehearse(): Promise<void> {
  // What has been compiled is kept until the end. Both flags count for whom the code fits.
  setFlagsFromString('--no-flush-bytecode');
  const directory = mkdtempSync(join(tmpdir(), 'peerstorm-rehearsal-'));
  try {
    const ports = await freePorts(4);
    const [one, two] = [configOf('one', ports.slice(0, 2)), configOf('two', ports.slice(2))];
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

function configOf(name: string, [port = 0, httpPort = 0]: number[]): ReferenceNodeConfig {
  return {
    name,
    testnet: 'rehearsal',
    role: 'full',
    address,
    port,
    httpPort,
    identity: Buffer.alloc(32, name).toString('hex'),
    encryption: 'noise',
    dials: [],
    seeds: [],
    discovers: false,
    outboundPeers: 0,
    inboundPeers: 8,
  };
}

/** All are held until the last is found: they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, address));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  return servers.map((server) => {
    const own = server.address();
    server.close();
    if (own === null || typeof own === 'string') throw new TypeError('no port');
    return own.port;
  });
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
