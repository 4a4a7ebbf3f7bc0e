// Runs inside fresh namespaces: two nodes as the local runtime starts them, and what each of a
// list of shell commands gives in the first of them, as JSON. Called by isolation.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { NodeName } from '../../src/names.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { openLocal } from '../../src/runtime/local/local.ts';
import type { DesiredNode, NodeWorld } from '../../src/runtime/runtime.ts';

const [directory = '', commands = '[]'] = process.argv.slice(2);
const signal = new AbortController().signal;
const names = ['a-0', 'b-0'] as NodeName[];
const plan = {
  packets: 'mtu',
  nodes: names.map((name, at) => ({ name, address: `10.64.0.${at + 1}` })),
} as unknown as Plan;

const script = (text: string, name = names[0] as NodeName): DesiredNode => ({
  name,
  incarnation: 0,
  run: 'running',
  launch: {
    argv: ['sh', '-c', text],
    env: {},
    files: { 'conf/own.txt': name },
    stop: { signal: 'SIGTERM', graceSeconds: 20 },
  },
});

async function until(holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + 20_000; !holds(); await wait(20)) {
    if (Date.now() > limit) throw new TypeError(`not within 20 s: ${String(holds)}`);
  }
}

const runtime = await openLocal({ plan, directory, bundles: {} }, signal);
let world = new Map<NodeName, NodeWorld>();
void (async () => {
  for await (const { nodes } of runtime.watch(signal)) world = new Map(nodes);
})();
const idle = 'sleep 1000 & echo "$$ starts"; wait';
const both = [script(idle), script(idle, names[1])];
await runtime.ensure(both, signal);
const log = (name: string) => readFileSync(join(directory, 'logs', `${name}.log`), 'utf8');
await until(() => names.every((name) => log(name).includes('starts')));
const results: unknown[] = [];
for (const command of JSON.parse(commands) as string[]) {
  results.push(await runtime.exec(names[0] as NodeName, ['sh', '-c', command], signal));
}
const first = names[0] as NodeName;
const failed: unknown[] = [];
for (const program of ['missing-program', '/etc/passwd', 'true']) {
  failed.push(await runtime.exec(first, [program], signal));
}
await runtime.ensure(
  [{ ...both[0], run: 'paused' } as DesiredNode, both[1] as DesiredNode],
  signal,
);
await until(() => world.get(first)?.phase === 'paused');
await runtime.ensure(both, signal);
// A program without a handler ends by its signal, long before the grace is over.
const before = performance.now();
const [a, b] = both;
await runtime.ensure([{ ...a, run: 'stopped' } as DesiredNode, b as DesiredNode], signal);
await until(() => world.get(first)?.phase === 'exited');
const stopped = { seconds: (performance.now() - before) / 1000, exit: world.get(first)?.exit };
const absent = await runtime.exec(first, ['true'], signal).catch((error: unknown) => String(error));
// One that is gone cannot be paused.
await runtime.ensure([{ ...a, run: 'paused' } as DesiredNode, b as DesiredNode], signal);
const pausedDead = world.get(first)?.phase;

// A program that hears no signal, and one that it has put into a session of its own.
const commandLines = () =>
  readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : [];
    } catch {
      return []; // gone
    }
  });
const strays = () => commandLines().filter((line) => line === 'sleep\u00004711\u0000').length;
const deafText = 'trap "" TERM; setsid sleep 4711 & echo deaf; while :; do sleep 1; done';
const second = names[1] as NodeName;
const { launch } = script(deafText, second);
const stop = { signal: 'SIGTERM', graceSeconds: 1 } as const;
const deaf = { ...(b as DesiredNode), incarnation: 1, launch: { ...launch, stop } };
const stoppedFirst = { ...a, run: 'stopped' } as DesiredNode;
await runtime.ensure([stoppedFirst, { ...(b as DesiredNode), run: 'stopped' }], signal);
await until(() => world.get(second)?.phase === 'exited');
await runtime.ensure([stoppedFirst, deaf], signal);
await until(() => log(second).includes('deaf') && strays() === 1);
const newest: string[] = [];
const options = { follow: false, since: 'incarnation' } as const;
for await (const { text } of runtime.logs(second, options, signal)) newest.push(text);
await runtime.ensure([stoppedFirst, { ...deaf, run: 'stopped' }], signal);
await until(() => world.get(second)?.phase === 'exited');
const killed = { exit: world.get(second)?.exit, strays: strays() };
await runtime[Symbol.asyncDispose]();
process.stdout.write(
  JSON.stringify({ results, failed, stopped, absent, pausedDead, newest, killed }),
);
process.exit(0);
