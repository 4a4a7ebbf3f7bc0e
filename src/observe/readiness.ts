// Finds out which incarnations of nodes are ready, by what their kind says: a request, a line of
// the log, or a command. Peers are not asked for here.
import { RE2JS } from 're2js';
import type { Readiness } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Runtime, World } from '../runtime/runtime.ts';
import type { Target } from './observer.ts';

export interface ReadinessWatch {
  /** Starts checks for what runs and is not ready yet; never waits for them. */
  check(world: World): void;
  isReady(node: NodeName, incarnation: number): boolean;
}

/** Between two looks at a node; where many wait, some hundred looks a second at all of them. */
const retryMs = 150;
const lookMs = 10;
const retryAtLeastMs = 1_000;

export function watchReadiness(
  runtime: Pick<Runtime, 'request' | 'exec' | 'logs'>,
  options: { readonly targets: ReadonlyMap<NodeName, Target>; readonly clock: Clock },
  signal: AbortSignal,
): ReadinessWatch {
  const ready = new Map<NodeName, number>();
  const waiting = new Map<
    NodeName,
    { readonly incarnation: number; readonly stop: AbortController }
  >();

  let looking = 0;
  const look = async (node: NodeName, readiness: Readiness, stop: AbortSignal) => {
    while (!stop.aborted) {
      const yes = await checkOnce(runtime, { node, readiness, signal: stop }).catch(() => false);
      if (yes) return true;
      await options.clock.sleep(
        Math.min(retryAtLeastMs, Math.max(retryMs, looking * lookMs)),
        stop,
      );
    }
    return false;
  };
  const wait: typeof look = async (...what) => {
    looking += 1;
    try {
      return await look(...what);
    } finally {
      looking -= 1;
    }
  };
  return {
    check: ({ nodes }) => {
      for (const [node, { phase, incarnation }] of nodes) {
        const current = waiting.get(node);
        if (phase !== 'running' || (current && current.incarnation !== incarnation)) {
          if (phase !== 'paused') current?.stop.abort();
          if (phase === 'exited' || phase === 'absent') waiting.delete(node);
        }
        const target = options.targets.get(node);
        if (phase !== 'running' || !target || waiting.get(node)?.incarnation === incarnation)
          continue;
        const stop = new AbortController();
        waiting.set(node, { incarnation, stop });
        const readiness = target.kind.ready(target.context.config, target.context);
        void wait(node, readiness, AbortSignal.any([signal, stop.signal])).then((yes) => {
          if (yes) ready.set(node, incarnation);
        });
      }
    },
    isReady: (node, incarnation) => ready.get(node) === incarnation,
  };
}

async function checkOnce(
  runtime: Pick<Runtime, 'request' | 'exec' | 'logs'>,
  { node, readiness, signal }: { node: NodeName; readiness: Readiness; signal: AbortSignal },
): Promise<boolean> {
  if (readiness.type === 'request') {
    const reply = await runtime.request(node, readiness.request, signal);
    return reply.status >= 200 && reply.status < 300;
  }
  if (readiness.type === 'command') {
    return (await runtime.exec(node, readiness.argv, signal)).exitCode === 0;
  }
  const pattern = RE2JS.compile(readiness.matches);
  // What an earlier incarnation has written says nothing about this one.
  const options = { follow: false, since: 'incarnation' } as const;
  for await (const { text } of runtime.logs(node, options, signal)) {
    if (pattern.matcher(text).find()) return true;
  }
  return false;
}
