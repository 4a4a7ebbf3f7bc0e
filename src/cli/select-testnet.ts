// Which running testnet a command is about.
import { fail } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { Testnets } from '../session/testnets.ts';
import { type Invocation, textOf } from './command.ts';
import { testnetsOf } from './runtime-options.ts';

/** By `-n`, or the only one that runs. */
export async function chosenSession(invocation: Invocation): Promise<Session> {
  const testnets = await testnetsOf(invocation);
  return testnets.open(await selectTestnet(testnets, textOf(invocation, 'testnet')));
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
