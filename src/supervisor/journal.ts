// What a run writes down as it goes, in its run directory: enough to judge and report it whatever
// happens to whom. Small files are replaced atomically, the rest are lines that are only appended.
import { closeSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { TimelineEvent } from '../session/session.ts';

/** Replaced whole. `added` are the faults that came in while it ran. */
export type JournalFile = 'state' | 'nodes' | 'faults' | 'validity' | 'run' | 'added';

export interface Journal extends Disposable {
  replace(file: JournalFile, content: unknown): void;
  sample(line: unknown): void;
  event(event: TimelineEvent): void;
  /** Resolves when a successor would find what was replaced; where that takes time. */
  stored?(): Promise<void>;
}

export function openJournal(directory: string): Journal {
  const samples = openSync(join(directory, 'samples.jsonl'), 'a');
  const timeline = openSync(join(directory, 'timeline.jsonl'), 'a');
  const append = (file: number, line: unknown) => writeSync(file, `${JSON.stringify(line)}\n`);
  return {
    replace: (file, content) => replaceFile(join(directory, `${file}.json`), content),
    sample: (line) => append(samples, line),
    event: (event) => append(timeline, event),
    [Symbol.dispose]: () => {
      closeSync(samples);
      closeSync(timeline);
    },
  };
}

/** A reader sees the old content or the new one, never a part. */
function replaceFile(path: string, content: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(content)}\n`);
  renameSync(`${path}.new`, path);
}
