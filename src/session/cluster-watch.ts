// What happens in a testnet of a cluster, by asking its controller once a second. A question that
// finds no answer is asked again; who may not ask the controller sees what the Testnet says. Ends
// when the Testnet is gone.
import { messageOf } from '../errors.ts';
import { hasCode } from '../runtime/kubernetes/api-errors.ts';
import { type Cluster, testnetNamed } from './cluster.ts';
import type { Status, TimelineEvent } from './session.ts';
import { statusOfObject } from './testnet-status.ts';

type Watched = { readonly status?: Status; readonly event?: TimelineEvent };

const everyMs = 1_000;

export async function* watchTestnet(
  cluster: Cluster,
  name: string,
  signal: AbortSignal,
): AsyncIterable<Watched> {
  const { clock } = cluster;
  const reader: Reader = { cluster, name, seen: 0, refused: false };
  while (!signal.aborted) {
    const items = await look(reader);
    if (items === 'gone') return;
    yield* items;
    await clock.sleep(everyMs, signal);
  }
}

type Reader = {
  readonly cluster: Cluster;
  readonly name: string;
  /** How many events were read. */
  seen: number;
  /** The user may not ask the controller. */
  refused: boolean;
};

async function look(reader: Reader): Promise<readonly Watched[] | 'gone'> {
  try {
    return (reader.refused ? undefined : await ask(reader)) ?? (await readObject(reader));
  } catch (error) {
    if (!hasCode(error, 'API_FORBIDDEN') || reader.refused) return [];
    reader.refused = true;
    const at = new Date(reader.cluster.clock.now()).toISOString();
    return [{ event: { at, event: 'note', message: whyLess(error) } }];
  }
}

function whyLess(error: unknown): string {
  return `less is shown than there is, see "Rights of users" in docs/kubernetes.md: ${messageOf(error)}`;
}

/** Undefined where the controller does not run it. */
async function ask(reader: Reader): Promise<readonly Watched[] | undefined> {
  const { views } = reader.cluster;
  const events = await views.read<readonly TimelineEvent[]>(
    reader.name,
    'events',
    `from=${reader.seen}`,
  );
  if (events === undefined) return undefined;
  const status = await views.read<Status>(reader.name, 'status');
  reader.seen += events.length;
  return [...events.map((event) => ({ event })), ...(status === undefined ? [] : [{ status }])];
}

async function readObject({ cluster, name }: Reader): Promise<readonly Watched[] | 'gone'> {
  const object = await testnetNamed(cluster, name);
  if (object === undefined) return 'gone';
  return [{ status: statusOfObject(object, cluster.clock.now()) }];
}
