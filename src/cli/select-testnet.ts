// Which running testnet a command is about.
import { fail } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { Testnets } from '../session/testnets.ts';
import { type Invocation, textOf } from './command.ts';
import { testnetsOf } from './runtime-options.ts';

/** By `-n`, or the only one that runs; `named`: as its user may have said otherwise. */
export async function chosenSession(
  invocation: Invocation,
  named = textOf(invocation, 'testnet'),
): Promise<Session> {
  const testnets = await testnetsOf(invocation);
  return testnets.open(await selectTestnet(testnets, named));
}

/** Of a command about nothing but a testnet: its argument or `-n`, which mean the same. */
export function askedTestnet(
  invocation: Pick<Invocation, 'positional' | 'options'>,
): string | undefined {
  const [argument] = invocation.positional;
  const option = textOf(invocation, 'testnet');
  if (argument !== undefined && option !== undefined && argument !== option) {
    throw fail('USAGE', `the testnet is ${argument} by the argument and ${option} by -n`);
  }
  return argument ?? option;
}

/** The named one, or the only one that runs. */
export async function selectTestnet(
  { names, where, flags }: Pick<Testnets, 'names' | 'where' | 'flags'>,
  name: string | undefined,
): Promise<string> {
  const running = await names();
  if (name !== undefined) {
    if (running.includes(name)) return name;
    throw fail('NOT_FOUND', `no testnet called "${name}" is running ${where}${listed(running)}`);
  }
  const [only] = running;
  if (only === undefined) {
    const start = `start one with \`peerstorm up SPEC${flags}\``;
    throw fail('NOT_FOUND', `no testnet is running ${where}; ${start}`);
  }
  if (running.length === 1) return only;
  throw fail('USAGE', `several testnets are running ${where}; name one with -n${listed(running)}`);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? '' : ` (running: ${names.join(', ')})`;
}
