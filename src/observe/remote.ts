// The observer as the supervisor sees it: a child process that reports in batches.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { NodeName } from '../names.ts';
import type { Observed, Observer } from './observer.ts';

export type ToObserver = {
  readonly follow: readonly NodeName[];
  readonly awaited: readonly NodeName[];
  readonly every: number;
};
export type FromObserver = {
  readonly observations: {
    readonly node: NodeName;
    readonly observed: Observed;
    readonly seconds: number;
  }[];
  readonly failures: { readonly node: NodeName; readonly message: string }[];
};

export function forkObserver(options: {
  readonly planPath: string;
  readonly onBatch: (batch: FromObserver) => void;
  readonly onExit: (code: number | null) => void;
}): Observer {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const path = fileURLToPath(new URL(`./process.${extension}`, import.meta.url));
  const child = fork(path, [options.planPath], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', (batch) => options.onBatch(batch as FromObserver));
  child.once('exit', options.onExit);
  let sent = '';
  return {
    follow: (nodes, awaited = [], every = 1) => {
      const key = `${every} ${nodes.join()}`;
      if ((key === sent && awaited.length === 0) || !child.connected) return;
      sent = key;
      child.send({ follow: nodes, awaited, every } satisfies ToObserver);
    },
  };
}
