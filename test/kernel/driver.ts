// Runs inside the namespaces of a test. The first process (`keeper`) only holds the namespaces and
// runs commands in them; a second one (`fabric`) has the fabric, so that a test can kill it and
// look at what the kernel does without it. Both are called over Node's IPC by lab.ts.
import { fork } from 'node:child_process';
import { execa } from 'execa';
import { type ErrorCode, messageOf, PeerstormError } from '../../src/errors.ts';
import { supportedFeatures } from '../../src/runtime/fabric/capabilities.ts';
import { openFabric } from '../../src/runtime/fabric/fabric.ts';
import { systemPath } from '../../src/runtime/fabric/kernel-commands.ts';

export type Call = { readonly id: number; readonly method: string; readonly args: never[] };
export type Answer =
  | { readonly id: number /** JSON. */; readonly result: string }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };
export type Output = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

// Arguments come from lab.ts, which has the types.
type Methods = Record<string, (...args: never[]) => unknown>;

const keeperMethods = {
  command: async (program: string, args: string[], input: string): Promise<Output> => {
    const { exitCode = 1, ...output } = await execa(program, args, {
      input,
      reject: false,
      timeout: 60_000,
      env: { PATH: systemPath() },
    });
    return { exitCode, stdout: output.stdout, stderr: output.stderr };
  },
  killFabric: () => fabricProcess?.kill('SIGKILL'),
} satisfies Methods;

let fabric: Awaited<ReturnType<typeof openFabric>> | undefined;

const fabricMethods = {
  open: async (options: { packets: 'mtu' | 'gso'; leaseSeconds: number }) => {
    fabric = await openFabric({ ...options, signal: new AbortController().signal });
  },
  add: (nodes: Parameters<NonNullable<typeof fabric>['add']>[0]) => fabric?.add(nodes),
  netns: (name: never) => fabric?.netns(name),
  enforce: (schedule: never) => fabric?.enforce(schedule),
  enforcement: () => fabric?.enforcement(),
  probe: (pairs: never) => fabric?.probe(pairs, AbortSignal.timeout(60_000)),
  features: () => supportedFeatures(),
  close: () => fabric?.[Symbol.asyncDispose](),
} satisfies Methods;

const fabricProcess =
  process.argv[2] === 'keeper' ? fork(import.meta.filename, ['fabric']) : undefined;
const methods: Methods = fabricProcess === undefined ? fabricMethods : keeperMethods;

process.on('message', (call: Call) => {
  const method = methods[call.method];
  if (method === undefined) {
    const message = 'the process with the fabric is gone';
    if (fabricProcess?.connected === true) fabricProcess.send(call);
    else process.send?.({ id: call.id, error: { code: 'INTERNAL', message } } satisfies Answer);
    return;
  }
  answer(call, method).catch((error: unknown) => {
    throw error;
  });
});
fabricProcess?.on('message', (message) => process.send?.(message));
process.on('disconnect', () => process.exit(0));

async function answer({ id, args }: Call, method: Methods[string]): Promise<void> {
  try {
    const result = JSON.stringify((await method(...args)) ?? null);
    process.send?.({ id, result } satisfies Answer);
  } catch (error) {
    const code = error instanceof PeerstormError ? error.code : 'INTERNAL';
    process.send?.({ id, error: { code, message: messageOf(error) } } satisfies Answer);
  }
}
