// A report directory as what the page shows.
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fail } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { HistoryLine } from '../report/history.ts';
import type { Report } from '../report/result.ts';
import type { TimelineEvent } from '../session/session.ts';
import { recordingOf } from '../web/replay.ts';
import type { PageSource } from '../web/source.ts';
import { readJson, readLines } from './report-directory.ts';

const tailBytes = 64 * 1024;
const keptLines = 200;

export async function finishedRun(directory: string): Promise<PageSource> {
  const report = await readJson<Report>(directory, 'report.json');
  const plan = await readJson<Plan>(directory, 'plan.json');
  if (report === undefined || plan === undefined) {
    throw fail('USAGE', `${directory} is no report directory: it has no report.json or plan.json`);
  }
  const history = await readLines<HistoryLine>(directory, 'samples.jsonl');
  const timeline = await readLines<TimelineEvent>(directory, 'timeline.jsonl');
  if (history.length === 0) {
    throw fail('USAGE', `${directory} has no samples: the run ended before it was ready`);
  }
  const recording = recordingOf({ report, plan, history, timeline });
  const nodes = new Set<string>(plan.nodes.map(({ name }) => name));
  return {
    testnet: report.testnet,
    open: (listener) => {
      queueMicrotask(() => listener({ kind: 'end' }));
      return { recording, close: () => undefined };
    },
    log: async (node) => {
      if (!nodes.has(node)) throw fail('NOT_FOUND', `the run has no node "${node}"`);
      // A name that leads elsewhere is none: the report may be of somebody else.
      return await tailOf(join(directory, 'logs', `${basename(node)}.log`));
    },
  };
}

/** A run without logs (memory) has none. */
async function tailOf(path: string): Promise<readonly string[]> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.min(size, tailBytes)),
      position: from,
    });
    const lines = buffer.subarray(0, bytesRead).toString('utf8').trimEnd().split('\n');
    // The first one may be a part of a line.
    return lines.slice(from > 0 ? 1 : 0).slice(-keptLines);
  } finally {
    await file.close();
  }
}
