// Entry of the reference node, started by load.ts: `--config FILE`. State is kept beside the file.
// Exits 2 when the config is bad, 3 when it cannot start, 0 when told to stop.
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { fail, messageOf, PeerstormError } from '../src/errors.ts';
import { type ReferenceNodeConfig, referenceNodeConfig } from '../src/kinds/reference-config.ts';
import { log } from './log.ts';
import { startNode } from './node.ts';

export { rehearse } from './rehearse.ts';

export async function main(): Promise<void> {
  try {
    await run();
  } catch (error) {
    exitWith(error);
  }
}

async function run(): Promise<void> {
  const path = configPath();
  const node = await startNode(readConfig(path), dirname(path));
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    // A peer that does not answer must not keep us: what is on disk is whole at any moment.
    setTimeout(() => process.exit(0), 1_000).unref();
    node.stop().then(() => process.exit(0), exitWith);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

function configPath(): string {
  try {
    const { config } = parseArgs({ options: { config: { type: 'string' } } }).values;
    if (config !== undefined) return resolve(config);
  } catch (error) {
    throw fail('USAGE', messageOf(error), error);
  }
  throw fail('USAGE', '--config FILE is required');
}

function readConfig(path: string): ReferenceNodeConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('USAGE', `${path}: ${messageOf(error)}`, error);
  }
  const parsed = referenceNodeConfig.safeParse(value);
  if (!parsed.success) throw fail('USAGE', `${path}:\n${z.prettifyError(parsed.error)}`);
  return { ...parsed.data, address: ownAddress(parsed.data) };
}

/** In a pod nobody knows it before the pod is there. */
function ownAddress({ address }: ReferenceNodeConfig): string {
  if (isIPv4(address)) return address;
  const { POD_IP: given = '' } = process.env;
  if (isIPv4(given)) return given;
  throw fail('USAGE', `POD_IP must be the IPv4 address of ${address}, it is "${given}"`);
}

function exitWith(error: unknown): void {
  if (error instanceof PeerstormError) {
    process.stderr.write(`reference: ${error.message}\n`);
    process.exit(error.exit);
  }
  log('error', 'failed', { why: error instanceof Error ? error.stack : String(error) });
  process.exit(3);
}
