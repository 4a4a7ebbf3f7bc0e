import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { hurriedClock, reply, scriptedApi } from '../../../test/scripted-api.ts';
import { openApi } from './client.ts';
import { type Connection, connectionFrom, inCluster } from './connection.ts';
import { fromKubeconfig } from './kubeconfig.ts';

// It takes a second or more to load, once.
beforeAll(() => import('@kubernetes/client-node'), 60_000);

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'connection-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

async function serviceAccount(path: string, token: string): Promise<void> {
  await writeFile(join(path, 'token'), `${token}\n`);
  await writeFile(join(path, 'namespace'), 'of-pod');
  await writeFile(join(path, 'ca.crt'), '');
}

const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '6443' };
const tokenOf = async (connection: Connection) =>
  (await connection.access()).headers['authorization'];

test('a pod speaks as its service account, and reads its token anew each minute', async () => {
  await using temporary = await folder();
  await serviceAccount(temporary.path, 'one');
  const clock = hurriedClock();
  const connection = await inCluster({ folder: temporary.path, env, clock });
  expect(connection).toMatchObject({ server: 'https://10.0.0.1:6443', namespace: 'of-pod' });
  const { agent } = await connection.access();
  expect(await tokenOf(connection)).toBe('Bearer one');
  await serviceAccount(temporary.path, 'two');
  expect(await tokenOf(connection)).toBe('Bearer one');
  clock.advance(60_000);
  expect(await tokenOf(connection)).toBe('Bearer two');
  await serviceAccount(temporary.path, 'three');
  connection.expire();
  expect(await tokenOf(connection)).toBe('Bearer three');
  // Connections stay as long as the certificates are the same.
  expect((await connection.access()).agent).toBe(agent);
  await writeFile(join(temporary.path, 'ca.crt'), 'another');
  connection.expire();
  expect((await connection.access()).agent).not.toBe(agent);
});

test('IPv6 servers are in brackets', async () => {
  await using temporary = await folder();
  await serviceAccount(temporary.path, 'one');
  const six = { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' };
  const { server } = await inCluster({ folder: temporary.path, env: six });
  expect(server).toBe('https://[fd00::1]:6443');
});

test.each([
  ['is no pod', {}, 'KUBERNETES_SERVICE_HOST is not set'],
  ['has no files', env, 'the service account of this pod: '],
])('a process that %s is told so', async (_, env, message) => {
  await using temporary = await folder();
  await expect(inCluster({ folder: temporary.path, env })).rejects.toMatchObject({
    code: 'CLUSTER_UNKNOWN',
    message: expect.stringContaining(message),
  });
});

type Part = { readonly name: string; readonly server: string; readonly user?: object };

const kubeconfig = (parts: readonly Part[], current = parts[0]?.name) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': current,
    clusters: parts.map(({ name, server }) => ({ name, cluster: { server } })),
    users: parts.map(({ name, user }) => ({ name, user: user ?? { token: `token of ${name}` } })),
    contexts: parts.map(({ name }) => ({
      name,
      context: { cluster: name, user: name, namespace: `of-${name}` },
    })),
  });

const dev = { name: 'dev', server: 'https://dev.example:6443' };
const prod = { name: 'prod', server: 'http://prod.example:8080' };

test('a user speaks as the context says, or as another one that is asked for', async () => {
  await using temporary = await folder();
  const file = join(temporary.path, 'config');
  await writeFile(file, kubeconfig([dev, prod]));
  const current = await fromKubeconfig({ kubeconfig: file });
  expect(current).toMatchObject({
    server: dev.server,
    namespace: 'of-dev',
    who: 'user dev of context dev',
  });
  expect(await tokenOf(current)).toBe('Bearer token of dev');
  const other = await fromKubeconfig({ kubeconfig: file, context: 'prod', namespace: 'mine' });
  expect(other).toMatchObject({ server: prod.server, namespace: 'mine' });
  expect(await tokenOf(other)).toBe('Bearer token of prod');
});

test('of several files the first to name something wins, and those not there do not matter', async () => {
  await using temporary = await folder();
  const [one, two] = [join(temporary.path, 'one'), join(temporary.path, 'two')];
  await writeFile(one, kubeconfig([dev]));
  await writeFile(two, kubeconfig([prod, { ...dev, server: 'https://other.example' }]));
  const env = { KUBECONFIG: ['/nowhere', one, two].join(':') };
  expect(await fromKubeconfig({ env })).toMatchObject({ server: dev.server });
  expect(await fromKubeconfig({ env, context: 'prod' })).toMatchObject({ server: prod.server });
});

test('else the file at home is read', async () => {
  await using temporary = await folder();
  await mkdir(join(temporary.path, '.kube'));
  await writeFile(join(temporary.path, '.kube', 'config'), kubeconfig([dev]));
  expect(await fromKubeconfig({ env: { HOME: temporary.path } })).toMatchObject({
    server: dev.server,
  });
});

type Missing = {
  readonly config?: string;
  readonly options?: Parameters<typeof fromKubeconfig>[0];
  readonly message: string;
};

test.each<[string, Missing]>([
  [
    'no file',
    { options: { env: { HOME: '/nowhere' } }, message: 'no /nowhere/.kube/config is there' },
  ],
  [
    'no file of the list',
    { options: { env: { KUBECONFIG: '/a:/b' } }, message: 'none of KUBECONFIG=/a:/b is' },
  ],
  ['a file that is not there', { options: { kubeconfig: '/nowhere/config' }, message: 'ENOENT' }],
  ['no YAML', { config: 'a: [', message: 'is no kubeconfig' }],
  ['an empty file', { config: '', message: 'is no kubeconfig' }],
  [
    'no such context',
    { config: kubeconfig([dev, prod]), options: { context: 'x' }, message: 'there are: dev, prod' },
  ],
  ['no context chosen', { config: kubeconfig([dev], ''), message: 'no context is chosen' }],
])('%s: it says what is missing', async (_, { config, options, message }) => {
  await using temporary = await folder();
  const file = join(temporary.path, 'config');
  if (config !== undefined) await writeFile(file, config);
  const where = config === undefined ? {} : { kubeconfig: file };
  await expect(fromKubeconfig({ ...where, ...options })).rejects.toMatchObject({
    code: 'CLUSTER_UNKNOWN',
    message: expect.stringContaining(message),
  });
});

test('a login program is run, told what it is run for, and run again when it was refused', async () => {
  await using temporary = await folder();
  const file = join(temporary.path, 'config');
  const program = join(temporary.path, 'login.cjs');
  await writeFile(
    program,
    `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    const token = info.kind + '-' + process.hrtime.bigint();
    console.log(JSON.stringify({ apiVersion: info.apiVersion, kind: info.kind, status: { token } }));`,
  );
  const apiVersion = 'client.authentication.k8s.io/v1';
  const exec = { apiVersion, command: process.execPath, args: [program], interactiveMode: 'Never' };
  await writeFile(file, kubeconfig([{ ...dev, user: { exec } }]));
  const connection = await fromKubeconfig({ kubeconfig: file });
  const first = await tokenOf(connection);
  expect(first).toMatch(/^Bearer ExecCredential-\d+$/);
  expect(await tokenOf(connection)).toBe(first);
  connection.expire();
  expect(await tokenOf(connection)).not.toBe(first);
});

test('a login program that fails is named', async () => {
  await using temporary = await folder();
  const file = join(temporary.path, 'config');
  await writeFile(file, kubeconfig([{ ...dev, user: { exec: { command: '/nowhere/login' } } }]));
  const connection = await fromKubeconfig({ kubeconfig: file });
  await expect(connection.access()).rejects.toMatchObject({
    code: 'CLUSTER_UNKNOWN',
    message: expect.stringMatching(/^credentials of user dev: .*\/nowhere\/login/),
  });
});

test('plain http, user and password, and a path of the server work', async () => {
  await using server = await scriptedApi((_, response) => reply(response, {}));
  await using temporary = await folder();
  const file = join(temporary.path, 'config');
  const user = { username: 'me', password: 'secret' };
  await writeFile(file, kubeconfig([{ name: 'dev', server: `${server.url}/k8s/c1/`, user }]));
  const connection = await fromKubeconfig({ kubeconfig: file });
  await openApi(connection, { userAgent: 'test', fieldManager: 'test' }).text('/version');
  const [{ path, headers } = { path: '', headers: {} }] = server.requests;
  expect(path).toBe('/k8s/c1/version');
  expect(headers['authorization']).toBe(`Basic ${btoa('me:secret')}`);
  connection.close();
});

const openssl = await execa('openssl', ['version'], { reject: false });

test.skipIf(openssl.failed)('a server is believed by its certificate only', async () => {
  await using temporary = await folder();
  const made = async (name: string) => {
    const [key, cert] = [join(temporary.path, `${name}.key`), join(temporary.path, `${name}.crt`)];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await execa('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert]);
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  };
  const [own, other] = [await made('own'), await made('other')];
  const server = https.createServer(own, (_, response) => response.end('hello'));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const clock = hurriedClock();
  const text = async (ca: string) => {
    const connection = connectionFrom({
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      namespace: 'b',
      who: 'the test',
      load: async () => ({ headers: {}, tls: { ca } }),
    });
    const api = openApi(connection, { userAgent: 'test', fieldManager: 'test', clock });
    return await api.text('/version').finally(() => connection.close());
  };
  expect(await text(own.cert)).toBe('hello');
  await expect(text(other.cert)).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
  // It stays wrong, so it is not tried again.
  expect(clock.slept).toEqual([]);
  server.close();
});
