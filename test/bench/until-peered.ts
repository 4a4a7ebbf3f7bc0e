// `node until-peered.ts LEAST IP...`, from where pods can be reached: ends when each of these
// reference nodes has that many peers.
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';

const observation = z.object({ peers: z.array(z.unknown()) });
const pauseMs = 700;
const patienceMs = 2_000;

const [least = '', ...addresses] = process.argv.slice(2);

async function hasPeers(address: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const answer = await fetch(`http://${address}:8080/observation`, { signal });
    return observation.parse(await answer.json()).peers.length >= Number(least);
  } catch {
    return false; // it has only just begun
  }
}

let left: readonly string[] = addresses;
while (left.length > 0) {
  const asked = await Promise.all(
    left.map(async (address) => ({ address, done: await hasPeers(address) })),
  );
  left = asked.filter(({ done }) => !done).map(({ address }) => address);
  if (left.length > 0) await wait(pauseMs);
}
