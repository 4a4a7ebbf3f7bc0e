import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { refuse, type ScriptedApi, scriptedApi } from '../../../test/scripted-api.ts';
import { openApi } from './client.ts';

type Message = readonly [stream: number, text: string];

const success: Message = [3, JSON.stringify({ status: 'Success' })];
const exitCode = (code: number): Message => [
  3,
  JSON.stringify({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }),
];

/** Says that much to whoever runs a command, and hangs up. */
async function execServer(
  messages: readonly Message[],
): Promise<ScriptedApi & { readonly asked: string[] }> {
  const api = await scriptedApi(() => undefined);
  const asked: string[] = [];
  const handleProtocols = (protocols: Set<string>) => [...protocols][0] ?? false;
  const sockets = new WebSocketServer({ server: api.server, handleProtocols });
  sockets.on('connection', (socket, request) => {
    asked.push(`${socket.protocol} ${request.url} ${request.headers.authorization}`);
    for (const [stream, text] of messages) {
      socket.send(Buffer.concat([Buffer.of(stream), Buffer.from(text)]));
    }
    socket.close();
  });
  return { ...api, asked };
}

const pod = { namespace: 'b', name: 'x' };

function run(server: ScriptedApi, argv: readonly string[] = ['true'], signal?: AbortSignal) {
  const api = openApi(server.connection, { userAgent: 'test', fieldManager: 'test' });
  return api.exec({ ...pod, container: 'node' }, argv, signal ?? new AbortController().signal);
}

test('a command runs as it is given, and all that it says is collected', async () => {
  await using server = await execServer([
    [1, 'one\n'],
    [2, 'oh'],
    [1, ''],
    [1, 'two'],
    [3, ''],
    exitCode(3),
  ]);
  const result = await run(server, ['sh', '-c', 'a "b" & c']);
  expect(result).toEqual({ exitCode: 3, stdout: 'one\ntwo', stderr: 'oh' });
  const query =
    'stdout=true&stderr=true&container=node&command=sh&command=-c&command=a+%22b%22+%26+c';
  expect(server.asked).toEqual([
    `v5.channel.k8s.io /api/v1/namespaces/b/pods/x/exec?${query} Bearer first`,
  ]);
});

test.each<[string, readonly Message[], object]>([
  ['success is 0', [success], { exitCode: 0, stdout: '', stderr: '' }],
  ['another exit code is kept', [exitCode(137)], { exitCode: 137 }],
])('%s', async (_, messages, wanted) => {
  await using server = await execServer(messages);
  expect(await run(server)).toMatchObject(wanted);
});

type NoResult = { readonly code: string; readonly message: string };

test.each<[string, readonly Message[], NoResult]>([
  ['no end', [[1, 'half']], { code: 'API_UNREACHABLE', message: 'ended without an exit code' }],
  [
    'a command that cannot be started',
    [[3, JSON.stringify({ status: 'Failure', reason: 'InternalError', message: 'no such file' })]],
    { code: 'API_ERROR', message: 'cannot run true in pods b/x: no such file' },
  ],
  ['an end that is not understood', [[3, '{']], { code: 'API_ERROR', message: 'in {' }],
  [
    'too much to say',
    Array.from({ length: 5 }, (): Message => [1, 'x'.repeat(1_000_000)]),
    { code: 'API_ERROR', message: 'more than 4 MiB' },
  ],
])('%s is no result', async (_, messages, { code, message }) => {
  await using server = await execServer(messages);
  await expect(run(server)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test('a server that refuses says why', async () => {
  await using server = await scriptedApi(() => undefined);
  server.server.on('upgrade', (request, socket) => {
    const body = JSON.stringify({ kind: 'Status', message: 'container is not running' });
    const head = `HTTP/1.1 400 Bad Request\r\ncontent-length: ${body.length}\r\n\r\n`;
    expect(request.url).toContain('/exec?');
    socket.end(head + body);
  });
  await expect(run(server)).rejects.toMatchObject({
    code: 'API_INVALID',
    message: 'cannot run true in pods b/x: 400: container is not running',
  });
});

test('an aborted command is not waited for', async () => {
  const stop = new AbortController();
  await using server = await scriptedApi((_, response) => refuse(response, 500));
  server.server.on('upgrade', () => stop.abort(new Error('enough')));
  await expect(run(server, ['sleep', '60'], stop.signal)).rejects.toThrow('enough');
});
