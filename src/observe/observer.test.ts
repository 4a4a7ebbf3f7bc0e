import { describe, expect, test } from 'vitest';
import { scriptedPlan } from '../../test/scripted.ts';
import { kinds } from '../kinds/index.ts';
import type { Duty, Kind, NodeReply } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { type ObserverDependencies, startObserver, type Target } from './observer.ts';
import { dutiesOf, targetsOf } from './targets.ts';

const observation = JSON.stringify({
  peers: [],
  height: 1,
  cursor: 3,
  propagationSeconds: [],
  metrics: {},
});

type Seen = { readonly node: NodeName; readonly at: number };

/** Observes nodes of the reference kind for a while, on virtual time. */
async function observeFor(
  ms: number,
  options: {
    readonly count: number;
    readonly answer?: (node: NodeName, at: number, path: string) => Promise<NodeReply> | NodeReply;
    readonly duties?: readonly Duty[];
    readonly followed?: readonly NodeName[];
    readonly randomSeed?: number;
    readonly goesOn?: boolean;
  },
) {
  const plan = scriptedPlan(options.count);
  const clock = virtualClock(0);
  const asked: (Seen & { readonly path: string })[] = [];
  const answered: (Seen & { readonly seconds: number })[] = [];
  const failed: NodeName[] = [];
  const stop = new AbortController();
  const { duties } = options;
  const targets = new Map(
    [...targetsOf(plan, { kinds, dataDirectory: (node) => node })].map(([name, target]) => {
      const kind: Kind = duties ? { ...target.kind, duties: () => duties } : target.kind;
      return [name, { ...target, kind }] satisfies [NodeName, Target];
    }),
  );
  const deps: ObserverDependencies = {
    targets,
    dutiesOf: dutiesOf(targets),
    ask: async (node, request) => {
      const path = request.type === 'http' ? request.path : '';
      asked.push({ node, at: clock.now(), path });
      return (
        (await options.answer?.(node, clock.now(), path)) ?? { status: 200, body: observation }
      );
    },
    clock,
    intervalMs: 1_000,
    randomSeed: options.randomSeed ?? 1,
    onObservation: (node, { at }, seconds) => answered.push({ node, at, seconds }),
    onFailure: (node) => failed.push(node),
  };
  const names = plan.nodes.map(({ name }) => name);
  const observer = startObserver(deps, stop.signal);
  observer.follow(options.followed ?? names);
  await clock.run(clock.sleep(ms));
  if (options.goesOn !== true) stop.abort();
  return { asked, answered, failed, names, clock, observer, stop };
}

describe('the observer', () => {
  test('asks every node once a second, spread over half of it', async () => {
    const { asked, names } = await observeFor(3_999, { count: 10 });
    // From the tick after the one in which it was told of them.
    expect(asked).toHaveLength(30);
    const second = asked.filter(({ at }) => at >= 1_000 && at < 2_000);
    expect(second.map(({ node }) => node)).toEqual(names);
    expect(second.map(({ at }) => Math.round(at - 1_000))).toEqual(
      names.map((_, index) => index * 50),
    );
  });

  test('is not held up by nodes that are slow, however many', async () => {
    const never = new Promise<NodeReply>(() => {});
    const { answered, asked, names } = await observeFor(10_000, {
      count: 200,
      answer: (node) =>
        Number(node.split('-')[1]) < 150 ? never : { status: 200, body: observation },
    });
    const quick = names.slice(150);
    for (const node of quick) {
      expect(answered.filter((each) => each.node === node).length).toBeGreaterThanOrEqual(9);
    }
    // One that has not answered is not asked again.
    expect(asked.filter(({ node }) => node === names[0])).toHaveLength(1);
  });

  test('asks a slow node again only when it has answered', async () => {
    let open = 0;
    let most = 0;
    const { answered } = await observeFor(21_000, {
      count: 1,
      answer: async () => {
        open += 1;
        most = Math.max(most, open);
        await Promise.resolve();
        open -= 1;
        return { status: 200, body: observation };
      },
    });
    expect(most).toBe(1);
    expect(answered.length).toBeGreaterThanOrEqual(19);
  });

  test('asks for what is new since the last answer, and afresh once a node was away', async () => {
    const { asked } = await observeFor(2_500, { count: 1 });
    expect(asked.map(({ path }) => path)).toEqual(['/observation', '/observation?since=3']);
  });

  test('reports what fails and goes on', async () => {
    const { failed, answered } = await observeFor(4_500, {
      count: 2,
      answer: (node, at) => {
        if (node === 'full-0' && at < 3_000) throw new TypeError('refused');
        return node === 'full-1' && at < 2_000
          ? { status: 500, body: '' }
          : { status: 200, body: observation };
      },
    });
    expect(failed).toEqual(['full-0', 'full-1', 'full-0']);
    expect(answered.map(({ node }) => node)).toEqual([
      'full-1',
      'full-0',
      'full-1',
      'full-0',
      'full-1',
    ]);
  });

  test('asks at once for the answers that are awaited, but not twice at the same time', async () => {
    const { promise, resolve } = Promise.withResolvers<NodeReply>();
    const { asked, names, observer, clock, stop } = await observeFor(2_500, {
      count: 3,
      goesOn: true,
      answer: (node, at) =>
        node === 'full-1' && at >= 2_000 ? promise : { status: 200, body: observation },
    });
    const before = asked.length;
    observer.follow(names, names.slice(0, 2));
    expect(asked.slice(before)).toMatchObject([{ node: 'full-0', at: 2_500 }]);
    resolve({ status: 200, body: observation });
    await clock.run(clock.sleep(100));
    observer.follow(names, names.slice(1, 2));
    expect(asked.slice(before + 1)).toMatchObject([{ node: 'full-1', at: 2_600 }]);
    stop.abort();
  });

  test('asks each in one tick of as many as it is told', async () => {
    const { asked, names, observer, clock, stop } = await observeFor(500, {
      count: 4,
      goesOn: true,
    });
    observer.follow(names, [], 3);
    await clock.run(clock.sleep(6_000));
    const counts = Map.groupBy(asked, ({ node }) => node);
    expect(names.map((name) => counts.get(name)?.length)).toEqual([2, 2, 2, 2]);
    expect(asked.filter(({ at }) => at < 2_000).map(({ node }) => node)).not.toContain('full-2');
    stop.abort();
  });

  test('leaves nodes that do not run in peace', async () => {
    const { asked, names } = await observeFor(2_500, { count: 3, followed: [] });
    expect([asked, names.length]).toEqual([[], 3]);
  });
});

describe('duties', () => {
  const duties: readonly Duty[] = [
    { name: 'mine', meanMs: 5_000, request: { type: 'http', port: 1, path: '/mine' } },
  ];
  const run = async (randomSeed: number) => {
    const { asked } = await observeFor(3_600_000, { count: 2, duties, randomSeed });
    return asked.filter(({ path }) => path === '/mine');
  };

  test('are done at exponential times with their mean, each node at its own', async () => {
    const done = await run(1);
    for (const node of ['full-0', 'full-1']) {
      const times = done.filter((each) => each.node === node).map(({ at }) => at);
      // 720 expected, a standard deviation of 27.
      expect(times.length).toBeGreaterThan(600);
      expect(times.length).toBeLessThan(840);
      const gaps = times.map((at, index) => at - (times[index - 1] ?? 0));
      const long = gaps.filter((gap) => gap > 5_000).length / gaps.length;
      expect(long).toBeGreaterThan(Math.exp(-1) - 0.08);
      expect(long).toBeLessThan(Math.exp(-1) + 0.08);
    }
    expect(new Set(done.map(({ at }) => at)).size).toBe(done.length);
  });

  test('are the same for the same seed, and others for another', async () => {
    const [one, again, other] = [await run(7), await run(7), await run(8)];
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });
});
