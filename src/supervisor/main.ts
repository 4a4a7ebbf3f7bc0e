// The supervisor of a local testnet: PID 1 of fresh namespaces, and the router of the fabric. Given
// a run directory with plan.json and options.json, it runs the testnet, writes down what happens,
// and answers on control.sock. It ends when the run has ended (unless it is to be kept), when it is
// told to, or at once when its standard input ends: the process that started it is gone then.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, messageOf, PeerstormError } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import { forkObserver } from '../observe/remote.ts';
import type { Plan } from '../plan/plan.ts';
import { systemClock } from '../runtime/clock.ts';
import { openLocal } from '../runtime/local/local.ts';
import { missingHere } from '../runtime/local/preflight.ts';
import { dataDirectory } from '../runtime/local/processes.ts';
import { socketPath } from '../session/state-directory.ts';
import { sessionOf } from './backend.ts';
import { guardsFor } from './guards.ts';
import { openJournal } from './journal.ts';
import type { RunOptions } from './options.ts';
import { reportNodes } from './report-nodes.ts';
import { startRun } from './run.ts';
import { serveSession } from './server.ts';

const directory = process.argv[2] ?? '';

// Whoever started us is gone: nobody is left to write a report. All that is ours ends with us.
process.stdin.resume().once('end', () => {
  process.stderr.write('the process that started the run is gone\n');
  process.exit(3);
});

try {
  await supervise();
  process.exit(0);
} catch (error) {
  // The front process says it on, if it was not told over the socket.
  if (error instanceof PeerstormError) {
    const { code, exit, message } = error;
    writeFileSync(join(directory, 'problem.json'), JSON.stringify({ code, exit, message }));
  }
  process.stderr.write(`${error instanceof PeerstormError ? messageOf(error) : show(error)}\n`);
  process.exit(error instanceof PeerstormError ? error.exit : 70);
}

async function supervise(): Promise<void> {
  const plan = readJson<Plan>('plan.json');
  const options = readJson<RunOptions>('options.json');
  const stop = new AbortController();
  using journal = openJournal(directory);
  const startedAt = new Date(systemClock.now()).toISOString();
  const record = {
    runtime: 'local',
    specFile: options.specFile,
    startedAt,
    versions: options.versions,
  };
  journal.replace('run', record);
  mkdirSync(join(directory, 'nodes'), { recursive: true });
  await using runtime = await openLocal({ plan, directory, bundles: options.bundles }, stop.signal);
  const capabilities = await runtime.capabilities(stop.signal);
  const missing = await missingHere(plan, { kinds, capabilities });
  if (missing.length > 0) throw fail('CAPABILITY_MISSING', missing.join('\n'));
  using guards = guardsFor(plan);
  const { running, done } = startRun({
    plan,
    kinds,
    runtime,
    runtimeName: 'local',
    version: options.versions['peerstorm'] ?? '',
    capabilities,
    clock: systemClock,
    journal,
    guards,
    dataDirectory: (node) => dataDirectory(directory, node),
    observe: (handlers) =>
      forkObserver({
        planPath: join(directory, 'plan.json'),
        onBatch: ({ observations, failures }) => {
          for (const { node, observed, seconds } of observations) {
            handlers.onObservation(node, observed, seconds);
          }
          for (const { node, message } of failures) handlers.onFailure(node, message);
        },
        onExit: (code) => handlers.onLost(`the observing process has ended (${code})`),
      }),
    keep: options.keep,
    failFast: options.failFast,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
  await using _server = await serveSession(sessionOf(running), socketPath(directory));
  try {
    await done;
  } finally {
    const { t0 } = running.state;
    journal.replace('nodes', reportNodes(running));
    journal.replace('run', {
      ...record,
      ...(t0 === undefined ? {} : { readyAt: new Date(t0).toISOString() }),
      endedAt: new Date(systemClock.now()).toISOString(),
    });
    stop.abort();
  }
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(directory, name), 'utf8')) as T;
}

function show(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
