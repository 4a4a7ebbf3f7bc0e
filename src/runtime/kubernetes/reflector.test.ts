import type { ServerResponse } from 'node:http';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  event,
  type HurriedClock,
  hurriedClock,
  type Received,
  refuse,
  reply,
  type ScriptedApi,
  scriptedApi,
} from '../../../test/scripted-api.ts';
import { fail } from '../../errors.ts';
import { virtualClock } from '../memory/virtual-clock.ts';
import { type Cache, type KubernetesObject, resources } from './api.ts';
import { openApi } from './client.ts';
import { followList, type ListSource } from './reflector.ts';

const pod = (name: string, version: number): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'b', uid: `uid of ${name}`, resourceVersion: String(version) },
});
const bookmark = (version: number) =>
  event('BOOKMARK', { metadata: { resourceVersion: `${version}` } });
const listOf = (version: number, ...items: readonly KubernetesObject[]) => ({
  metadata: { resourceVersion: String(version) },
  items,
});

type Step = (request: Received, response: ServerResponse) => unknown;
const list =
  (...args: Parameters<typeof listOf>): Step =>
  (_, response) =>
    reply(response, listOf(...args));
/** Writes, and leaves it open. */
const watch =
  (...events: readonly string[]): Step =>
  async (_, response) => {
    response.writeHead(200);
    response.flushHeaders();
    const text = events.join('');
    if (text !== '') await new Promise((written) => response.write(text, written));
  };
const cut: Step = (_, response) => response.destroy();
const then =
  (...steps: readonly Step[]): Step =>
  async (request, response) => {
    for (const step of steps) await step(request, response);
  };
const end: Step = (_, response) => response.end();

/** Longer than any pause after a failure, and shorter than the time that a watch may be silent. */
const patience = 31_000;

type Followed = AsyncDisposable & {
  readonly cache: Cache<KubernetesObject>;
  readonly server: ScriptedApi;
  readonly clock: HurriedClock;
  readonly changes: string[];
  readonly problems: string[];
  /** All steps were taken, and the last is answered. */
  readonly settled: Promise<void>;
};

/** Each request gets the next step; then there is an end. */
async function follow(
  steps: readonly Step[],
  {
    clock = hurriedClock(patience),
    listener,
    keep = (object) => object,
  }: {
    clock?: HurriedClock;
    listener?: () => void;
    keep?: (object: KubernetesObject) => KubernetesObject;
  } = {},
): Promise<Followed> {
  const left = [...steps];
  const settled = Promise.withResolvers<void>();
  const ending = new AbortController();
  const server = await scriptedApi(async (request, response) => {
    const step = left.shift();
    if (step === undefined) settled.resolve();
    else await step(request, response);
  });
  const problems: string[] = [];
  const api = openApi(server.connection, {
    userAgent: 'test',
    fieldManager: 'test',
    clock,
    random: () => 0,
    onProblem: (_, error) => problems.push(error instanceof Error ? error.message : String(error)),
  });
  const cache = api.follow(resources.pods, { namespace: 'b', keep }, ending.signal);
  const changes: string[] = [];
  if (listener !== undefined) cache.onChange(listener);
  cache.onChange((key, object) => changes.push(`${key} ${object?.metadata.resourceVersion}`));
  return {
    cache,
    server,
    clock,
    changes,
    problems,
    settled: settled.promise,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

const queries = ({ server }: Followed) =>
  server.requests.map(({ query }) =>
    query['watch'] === 'true' ? `watch from ${query['resourceVersion']}` : 'list',
  );

test('it lists, and watches from there with bookmarks', async () => {
  await using followed = await follow([
    list(5, pod('a', 3), pod('b', 4)),
    then(
      watch(
        event('ADDED', pod('c', 6)),
        event('MODIFIED', pod('a', 7)),
        event('DELETED', pod('b', 8)),
      ),
      end,
    ),
  ]);
  const { cache, server, changes, settled } = followed;
  await cache.synced();
  expect(cache.values()).toHaveLength(2);
  await settled;
  expect(changes).toEqual(['b/a 3', 'b/b 4', 'b/c 6', 'b/a 7', 'b/b undefined']);
  expect(cache.values().map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  expect(cache.get('b/a')).toEqual(pod('a', 7));
  expect(server.requests[1]?.query).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: '5',
    timeoutSeconds: '300',
  });
});

test('a watch that is cut goes on after the newest event or bookmark', async () => {
  await using followed = await follow([
    list(5, pod('a', 3)),
    then(watch(event('ADDED', pod('b', 6)), bookmark(9)), cut),
    then(watch(event('MODIFIED', pod('a', 10))), end),
  ]);
  await followed.settled;
  expect(queries(followed)).toEqual(['list', 'watch from 5', 'watch from 9', 'watch from 10']);
  expect(followed.changes).toEqual(['b/a 3', 'b/b 6', 'b/a 10']);
  expect(followed.clock.slept).toEqual([800]);
});

test('half an event is none', async () => {
  await using followed = await follow([
    list(5),
    then(watch(event('ADDED', pod('a', 6)), event('ADDED', pod('b', 7)).slice(0, 30)), end),
    then(watch(event('ADDED', pod('b', 7))), end),
  ]);
  await followed.settled;
  expect(queries(followed)).toEqual(['list', 'watch from 5', 'watch from 6', 'watch from 7']);
  expect(followed.changes).toEqual(['b/a 6', 'b/b 7']);
});

test('after an error of the server it lists anew, later each time, and tells only what changed', async () => {
  const failing: Step = (_, response) => refuse(response, 500);
  await using followed = await follow([
    list(5, pod('a', 3), pod('b', 4)),
    failing,
    list(8, pod('a', 3), pod('b', 7)),
    failing,
    failing,
    list(9, pod('b', 7)),
    then(watch(bookmark(10)), end),
  ]);
  await followed.settled;
  expect(followed.changes).toEqual(['b/a 3', 'b/b 4', 'b/b 7', 'b/a undefined']);
  expect(followed.clock.slept).toEqual([800, 1600, 3200]);
  expect(followed.problems).toHaveLength(3);
  expect(queries(followed).at(-1)).toBe('watch from 10');
});

test.each<[string, Step]>([
  ['an event', watch(event('ERROR', { kind: 'Status', code: 410, message: 'too old' }))],
  ['a status', (_, response) => refuse(response, 410)],
])('410 as %s: it lists anew', async (_, expired) => {
  await using followed = await follow([
    list(5, pod('a', 3)),
    expired,
    list(50, pod('a', 40)),
    then(watch(bookmark(51)), end),
  ]);
  await followed.settled;
  expect(queries(followed)).toEqual([
    'list',
    'watch from 5',
    'list',
    'watch from 50',
    'watch from 51',
  ]);
  expect(followed.changes).toEqual(['b/a 3', 'b/a 40']);
});

test('a watch that falls silent is given up, and that is no problem', async () => {
  // Time passes at once for all who wait.
  await using followed = await follow([list(5, pod('a', 3)), watch(), list(6, pod('a', 6))], {
    clock: hurriedClock(),
  });
  await followed.settled;
  expect(followed.changes).toEqual(['b/a 3', 'b/a 6']);
  expect(followed.problems).toEqual([]);
  expect(followed.clock.slept.slice(0, 2)).toEqual([150_000, 800]);
});

test('watches that end at once are not asked for tens of times a second', async () => {
  await using followed = await follow([
    list(5),
    ...Array.from({ length: 8 }, () => then(watch(), end)),
  ]);
  await followed.settled;
  const seconds = [0.8, 1.6, 3.2, 5, 5, 5, 5, 5];
  expect(followed.clock.slept).toEqual(seconds.map((each) => each * 1000));
});

test('all is listed anew after ten minutes, and what is the same is not told again', async () => {
  const clock = hurriedClock(patience);
  await using followed = await follow(
    [
      list(5, pod('a', 3)),
      then(watch(bookmark(9)), () => clock.advance(400_000), end),
      then(watch(bookmark(12)), () => clock.advance(200_000), end),
      list(13, pod('a', 3)),
    ],
    { clock },
  );
  await followed.settled;
  expect(queries(followed)).toEqual([
    'list',
    'watch from 5',
    'watch from 9',
    'list',
    'watch from 13',
  ]);
  expect(followed.server.requests[2]?.query['timeoutSeconds']).toBe('200');
  expect(followed.changes).toEqual(['b/a 3']);
});

test('a listener that throws is reported; others hear of it, and of the next', async () => {
  await using followed = await follow(
    [list(5, pod('a', 3)), then(watch(event('ADDED', pod('b', 6))), end)],
    {
      listener: () => {
        throw new Error('listener');
      },
    },
  );
  await followed.settled;
  expect(followed.changes).toEqual(['b/a 3', 'b/b 6']);
  expect(followed.problems).toEqual(['listener', 'listener']);
});

test('it is silent from the last word of the server on', async () => {
  await using followed = await follow([list(5), watch(bookmark(6))]);
  await followed.cache.synced();
  followed.clock.advance(5000);
  expect(followed.cache.silentMs()).toBe(5000);
});

test('a list is a word of the server as well', async () => {
  const clock = hurriedClock(patience);
  const slowly = then(() => clock.advance(5000), list(5));
  await using followed = await follow([slowly, () => undefined], { clock });
  await followed.cache.synced();
  expect(followed.cache.silentMs()).toBe(0);
});

test('aborted before the first list, it says so; later, nothing more is asked', async () => {
  const ending = new AbortController();
  await using server = await scriptedApi(() => ending.abort(new Error('enough')));
  const api = openApi(server.connection, { userAgent: 'test', fieldManager: 'test' });
  await expect(api.follow(resources.pods, {}, ending.signal).synced()).rejects.toThrow('enough');
  expect(server.requests).toHaveLength(1);
});

type Change = { readonly name: string; readonly gone: boolean };
type Trouble = 'cut' | 'end' | 'refused' | 'expired' | 'silent' | 'half';
type Happening = { readonly change: Change } | { readonly trouble: Trouble };

/** A server of one list, to which things happen. */
function world(happenings: readonly Happening[]) {
  const clock = virtualClock(0);
  const stored = new Map<string, KubernetesObject>();
  const history: { readonly version: number; readonly line: string }[] = [];
  let version = 1;
  let oldest = 0;
  const change = ({ name, gone }: Change) => {
    const before = stored.get(name);
    if (gone && before === undefined) return;
    version += 1;
    const after = pod(name, version);
    if (gone) stored.delete(name);
    else stored.set(name, after);
    const type = gone ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
    history.push({ version, line: event(type, after) });
  };
  const left = [...happenings];
  const source: ListSource<KubernetesObject> = {
    list: async () => {
      if (left[0] !== undefined && 'trouble' in left[0]) {
        left.shift();
        throw fail('API_ERROR', 'not now');
      }
      return { items: structuredClone([...stored.values()]), resourceVersion: String(version) };
    },
    watch: async ({ resourceVersion }, signal) => {
      let from = Number(resourceVersion);
      if (from < oldest)
        throw Object.assign(fail('API_ERROR', 'gone', { kind: 'Status', code: 410 }));
      return (async function* () {
        while (true) {
          for (const { version: at, line } of history) {
            if (at <= from) continue;
            from = at;
            yield line;
          }
          const next = left.shift();
          if (next === undefined) {
            await clock.sleep(1e9, signal);
            break;
          }
          if ('change' in next) change(next.change);
          else if (next.trouble === 'end') break;
          else if (next.trouble === 'cut') throw new Error('ECONNRESET');
          else if (next.trouble === 'refused') throw fail('API_ERROR', '500');
          else if (next.trouble === 'half') yield '{"type":"ADD';
          else if (next.trouble === 'expired') {
            change({ name: 'missed', gone: false });
            oldest = version;
            yield event('ERROR', { code: 410 });
          } else {
            change({ name: 'unheard', gone: stored.has('unheard') });
            await new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            });
          }
        }
      })();
    },
  };
  return { clock, source, stored, done: () => left.length === 0 };
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      change: fc.record({ name: fc.constantFrom('a', 'b', 'c'), gone: fc.boolean() }),
    }),
  },
  fc.record({
    trouble: fc.constantFrom<Trouble>('cut', 'end', 'refused', 'expired', 'silent', 'half'),
  }),
);

test('whatever happens, it knows in the end what the server has, and told each version once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 30 }), async (happenings) => {
      const { clock, source, stored, done } = world(happenings);
      const ending = new AbortController();
      const cache = followList(source, ending.signal, {
        clock,
        random: () => 0.5,
        onProblem: () => undefined,
      });
      const known = new Map<string, string | undefined>();
      const versions: string[] = [];
      const wrong: string[] = [];
      cache.onChange((key, object) => {
        const version = object?.metadata.resourceVersion;
        if (version === undefined && known.get(key) === undefined) wrong.push(key);
        if (version !== undefined) versions.push(version);
        known.set(key, version);
      });
      await clock.run(
        (async () => {
          while (!done()) await clock.sleep(1000);
          await clock.sleep(300_000);
        })(),
      );
      ending.abort();
      expect(new Map(cache.values().map((one) => [one.metadata.name, one]))).toEqual(stored);
      expect(wrong).toEqual([]);
      expect(new Set(versions).size).toBe(versions.length);
      for (const [key, version] of known) {
        expect(cache.get(key)?.metadata.resourceVersion).toBe(version);
      }
    }),
    { numRuns: 150 },
  );
});

test('keeps of each object what it is told to, listed or watched', async () => {
  const labelled = (name: string, version: number) => {
    const { metadata, ...rest } = pod(name, version);
    return { ...rest, metadata: { ...metadata, labels: { of: name } } };
  };
  await using followed = await follow(
    [list(5, labelled('a', 4)), watch(event('ADDED', labelled('b', 6)), bookmark(7))],
    { keep: ({ metadata }) => pod(metadata.name, Number(metadata.resourceVersion)) },
  );
  await followed.cache.synced();
  await expect.poll(() => followed.changes).toHaveLength(2);
  expect(followed.cache.values()).toEqual([pod('a', 4), pod('b', 6)]);
});
