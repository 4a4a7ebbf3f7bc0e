// A run that is over, served as a page.

import { recordingOf } from '../../src/web/replay.ts';
import type { PageServer } from '../../src/web/server.ts';
import { servePage } from '../../src/web/server.ts';
import type { Outcome } from '../compliance/harness.ts';

export async function serveReplay(run: Outcome, folder: string): Promise<PageServer> {
  const recording = recordingOf(run);
  const source = {
    testnet: run.report.testnet,
    open: (listener: (message: { readonly kind: 'end' }) => void) => {
      queueMicrotask(() => listener({ kind: 'end' }));
      return { recording, close: () => undefined };
    },
    log: async (node: string) => [`${node} says hello`],
  };
  return await servePage(source, { folder, port: 0 });
}
