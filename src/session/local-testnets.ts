// The testnets of this machine: their folders in the state directory.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Session } from './session.ts';
import { openSession } from './socket-session.ts';
import { runDirectory, runningTestnets, socketPath } from './state-directory.ts';
import type { ShownStatus, Testnets } from './testnets.ts';

export const localTestnets: Testnets = {
  where: 'on this machine',
  flags: '',
  names: runningTestnets,
  open: (name) => {
    const session = openSession(socketPath(runDirectory(name)));
    return { ...session, down: (reason) => down(name, session, reason) };
  },
  status,
};

async function status(testnet: string): Promise<ShownStatus> {
  const directory = runDirectory(testnet);
  const answer = await openSession(socketPath(directory))
    .status()
    .catch(() => undefined);
  const urlIn = (file: string) => readFile(join(directory, file), 'utf8').catch(() => '');
  const [metrics, page] = [await urlIn('metrics.url'), await urlIn('page.url')];
  return {
    ...(answer ?? { testnet, phase: 'starting' }),
    ...(metrics === '' ? {} : { metricsUrl: metrics.trim() }),
    ...(page === '' ? {} : { pageUrl: page.trim() }),
  };
}

/** Asks again while it starts; resolves when it is gone. */
async function down(
  name: string,
  session: Session,
  reason: Parameters<Session['down']>[0],
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const done = await session.down(reason).then(
      () => true,
      (error: unknown) => {
        if (attempt >= 100) throw error;
        return false;
      },
    );
    if (done) break;
    await wait(100);
  }
  while ((await runningTestnets()).includes(name)) await wait(100);
}
