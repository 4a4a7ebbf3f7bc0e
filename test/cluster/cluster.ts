// A real Kubernetes for the tests, with all its data below one folder: of one host, and of as many
// more of settings.ts as are added. Each lives in namespaces of its own (processes, network,
// mounts): the machine sees one network link, one cgroup for each host and the folder, and
// everything else is gone as soon as the first process of the first host is. A cluster with the
// folder FOLDER is reached by FOLDER/kubeconfig.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readlink, rm, rmdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { type Identity, isThere, treeOf } from '../processes.ts';
import {
  addressesOf,
  alive,
  cgroupOf,
  hostOf,
  hosts,
  linkOf,
  type Place,
  podRangesOf,
} from './settings.ts';

const here = import.meta.dirname;
const limitMs = 180_000;

/**
 * The path of its kubeconfig, once the host is Ready; `owned`: it dies with this process, and what
 * is left of it then is removed a moment later.
 */
export async function startCluster(path: string, options = { owned: false }): Promise<string> {
  const folder = resolve(path);
  // A socket's path has at most 107 bytes (unix(7)), and those of another host's kubelet add 47.
  if (folder.length > 60) throw new TypeError(`too long a path for a cluster: ${folder}`);
  if (process.geteuid?.() !== 0) throw new TypeError('a cluster needs root');
  if (running(folder) !== undefined) throw new TypeError(`${folder} has a running cluster`);
  await removeData(folder);
  const { stdout: programs } = await execa(join(here, 'build-kubernetes'), { stderr: 'inherit' });
  const index = await freeIndex();
  await startHost({ folder, programs, index, number: 0 }, options);
  return join(folder, 'kubeconfig');
}

/** Adds the next host of settings.ts, which has these images when its node is there; its name. */
export async function addHost(path: string, images: readonly string[] = []): Promise<string> {
  const cluster = resolve(path);
  const number = hosts.findIndex((_, each) => running(folderOf(cluster, each)) === undefined);
  const host = hosts[number];
  if (host === undefined) throw new TypeError(`all ${hosts.length} hosts run already`);
  if (number === 0) throw new TypeError(`no cluster in ${cluster}`);
  const folder = folderOf(cluster, number);
  await removeData(folder);
  await mkdir(folder, { recursive: true });
  await copyFile(join(cluster, 'kubeconfig'), join(folder, 'kubeconfig'));
  const { stdout: programs } = await execa(join(here, 'build-kubernetes'), ['--cached']);
  const index = Number(readFileSync(join(cluster, 'index'), 'utf8'));
  await startHost({ folder, programs, index, number }, { owned: false, images });
  return host.name;
}

/** As when its power fails: its Node is left to the cluster. */
export async function removeHost(path: string, name: string, keepLogs = false): Promise<void> {
  const cluster = resolve(path);
  const number = hosts.findIndex((host) => host.name === name);
  const folder = folderOf(cluster, number);
  if (!existsSync(folder)) return;
  await end(folder);
  const index = Number(readFileSync(join(cluster, 'index'), 'utf8'));
  if (running(cluster) !== undefined) {
    const [program = '', ...args] = inItsNetwork(cluster, ['ip', 'link', 'delete', name]);
    await execa(program, args, { reject: false });
  }
  await removeCgroups(cgroupOf({ index, number }));
  if (keepLogs) return;
  await removeData(folder);
  await rm(folder, { recursive: true, force: true });
}

async function startHost(
  place: Place,
  { owned, images = [] }: { readonly owned: boolean; readonly images?: readonly string[] },
): Promise<void> {
  const { folder, index, number } = place;
  await mkdir(join(folder, 'log'), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'index'), `${index}`);
  const pid = spawnHost(place, { owned, images });
  const [identity] = treeOf(pid);
  await writeFile(join(folder, 'pid'), JSON.stringify(identity));
  if (owned) outlive(folder);
  try {
    await link(pid, place);
    await isReady(folder);
  } catch (cause) {
    const said = readFileSync(join(folder, 'log', 'host.log'), 'utf8')
      .split('\n')
      .slice(-20);
    if (number === 0) await stopCluster(folder, { keepLogs: true });
    else await removeHost(join(folder, '..'), hostOf(place).name, true);
    throw new TypeError(`no host; see ${folder}/log\n${said.join('\n')}`, { cause });
  }
}

export async function stopCluster(path: string, options = { keepLogs: false }): Promise<void> {
  const folder = resolve(path);
  for (const { name } of hosts.slice(1)) await removeHost(folder, name);
  await end(folder);
  if (existsSync(join(folder, 'index'))) {
    const index = Number(readFileSync(join(folder, 'index'), 'utf8'));
    // The network namespace outlives its processes: sockets of theirs say good-bye for minutes.
    await execa('ip', ['link', 'delete', linkOf(index)], { reject: false });
    await execa('ip', ['route', 'delete', ...unreachable(index)], { reject: false });
    await removeCgroups(cgroupOf({ index, number: 0 }));
  }
  await removeData(folder, options.keepLogs ? ['log'] : []);
  if (!options.keepLogs) await rm(folder, { recursive: true, force: true });
}

/** Of a host: its first process, and the kernel with it all others. */
async function end(folder: string): Promise<void> {
  const identity = running(folder);
  if (identity === undefined) return;
  const tree = treeOf(identity.pid);
  process.kill(identity.pid, 'SIGKILL'); // and the kernel ends the first process in it, and all
  while (tree.some(isThere)) await sleep(50);
}

const folderOf = (cluster: string, number: number) =>
  number === 0 ? cluster : join(cluster, hosts[number]?.name ?? '');

/** Somebody who is there when this process is not any more. */
function outlive(folder: string): void {
  const [owner] = treeOf(process.pid);
  const argv = [import.meta.filename, 'outlive', folder, JSON.stringify(owner)];
  spawn(process.execPath, argv, { detached: true, stdio: 'ignore', cwd: '/' }).unref();
}

/** Stops the cluster when its owner is gone, unless the owner has. */
async function stopAfter(folder: string, owner: Identity): Promise<void> {
  while (isThere(owner) && existsSync(folder)) await sleep(500);
  if (existsSync(folder)) await stopCluster(folder);
}

/** What `docker save` has written: there is no registry. */
export async function importImages(folder: string, tar: string): Promise<void> {
  const folders = hosts.map((_, number) => folderOf(resolve(folder), number));
  for (const each of folders.filter((one) => running(one) !== undefined))
    await inCluster(each, ['ctr', '--namespace', 'k8s.io', 'images', 'import', tar]);
}

/** Runs a program on the host with this folder: the cluster's, or FOLDER/NAME of another. */
export async function inCluster(folder: string, argv: readonly string[]): Promise<string> {
  const [, first] = treeOf(running(resolve(folder))?.pid ?? -1);
  if (first === undefined) throw new TypeError(`no cluster in ${folder}`);
  const namespaces = ['--mount', '--net', '--pid', '--uts', '--ipc'];
  const { stdout } = await execa('nsenter', ['--target', `${first.pid}`, ...namespaces, ...argv]);
  return stdout;
}

/** The command that starts a program with the cluster's network, and all else of the caller's. */
export function inItsNetwork(folder: string, argv: readonly string[]): readonly string[] {
  const [, first] = treeOf(running(resolve(folder))?.pid ?? -1);
  if (first === undefined) throw new TypeError(`no cluster in ${folder}`);
  return ['nsenter', '--target', `${first.pid}`, '--net', ...argv];
}

/** The process whose end is the host's. */
function running(folder: string): Identity | undefined {
  try {
    const identity = JSON.parse(readFileSync(join(folder, 'pid'), 'utf8')) as Identity;
    return isThere(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}

function spawnHost(
  { folder, programs, index, number }: Place,
  { owned, images }: { readonly owned: boolean; readonly images: readonly string[] },
): number {
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--propagation=private'];
  const argv = [
    ...(owned ? ['setpriv', '--pdeathsig', 'KILL'] : []),
    ...['unshare', ...namespaces, '--fork', '--kill-child', '--mount-proc'],
    // The first process waits for all that are orphaned.
    ...['bash', '-c', '"$@" & wait $!', 'host', process.execPath, join(here, 'host.ts')],
    ...[folder, programs, `${index}`, `${number}`, ...images],
  ];
  const [program = '', ...args] = argv;
  const log = openSync(join(folder, 'log', 'host.log'), 'a');
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  const child = spawn(program, args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    // kubeconfigs and proxies of the caller are none of its business.
    env: { PATH: path, HOME: join(folder, 'home') },
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new TypeError('unshare cannot be started');
  return child.pid;
}

async function freeIndex(): Promise<number> {
  for (let index = 0; index < 64; index += 1) {
    const found = await execa('ip', ['link', 'show', linkOf(index)], { reject: false });
    if (found.exitCode !== 0) return index;
  }
  throw new TypeError('there are 64 clusters already');
}

/** From this network namespace, or the first host's, to the host's. */
async function link(pid: number, place: Place): Promise<void> {
  const ours = await readlink('/proc/self/ns/net');
  for (const until = Date.now() + 10_000; (await readlink(`/proc/${pid}/ns/net`)) === ours; ) {
    if (Date.now() > until) throw new TypeError('no network namespace');
    await sleep(20);
  }
  const { folder, index, number } = place;
  const ip = async (...args: readonly string[]) => {
    const before = number === 0 ? [] : inItsNetwork(join(folder, '..'), []);
    const [program = '', ...rest] = [...before, 'ip', ...args];
    await execa(program, rest);
  };
  // When the link is gone, what is meant for the cluster must not leave the machine.
  if (number === 0) await ip('route', 'replace', ...unreachable(index));
  const name = number === 0 ? linkOf(index) : hostOf(place).name;
  await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`);
  const { outside, host } = addressesOf(place);
  for (const address of outside) await ip('address', 'add', address, 'dev', name, 'nodad');
  await ip('link', 'set', name, 'up');
  if (number === 0) return;
  for (const [family, range] of podRangesOf(number).entries())
    await ip('route', 'add', range, 'via', host[family] ?? '', 'dev', name);
}

/** Behind the route of the link, whose metric is 0. */
const unreachable = (index: number) =>
  ['unreachable', addressesOf({ index, number: 0 }).network, 'metric', '4000000000'] as const;

async function isReady(folder: string): Promise<void> {
  for (const until = Date.now() + limitMs; !existsSync(join(folder, 'ready')); await sleep(100)) {
    if (running(folder) === undefined) throw new TypeError('its first process has ended');
    if (Date.now() > until) throw new TypeError(`not Ready after ${limitMs / 1000} s`);
  }
}

/** The kernel takes a while to let go of a cgroup's last process. */
async function removeCgroups(name: string): Promise<void> {
  const controllers = await readdir('/sys/fs/cgroup');
  for (const controller of controllers) {
    const path = join('/sys/fs/cgroup', controller, name);
    for (let tries = 0; tries < 50 && existsSync(path); tries += 1) {
      const below = await readdir(path, { recursive: true, withFileTypes: true });
      const folders = below
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name));
      for (const each of [...folders.sort((a, b) => b.length - a.length), path])
        await rmdir(each).catch(() => undefined);
      if (existsSync(path)) await sleep(100);
    }
  }
}

async function removeData(folder: string, except: readonly string[] = []): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  const ours = [
    ...hosts.slice(1).map(({ name }) => name),
    ...[
      'Corefile',
      alive,
      'cgroup',
      'cni',
      'containerd',
      'containerd.toml',
      'etcd',
      'hold',
      'home',
    ],
    ...[
      'index',
      'kube-proxy.json',
      'kubeconfig',
      'kubelet',
      'kubelet.json',
      'log',
      'objects.json',
      'pid',
    ],
    ...['pids', 'pki', 'ready', 'resolv.conf', 'sandbox', 'sandbox.tar', 'volumes'],
  ];
  const foreign = entries.filter((entry) => !ours.includes(entry));
  if (foreign.length > 0) throw new TypeError(`${folder} is not a cluster's: ${foreign.join(' ')}`);
  for (const entry of entries.filter((each) => !except.includes(each)))
    await rm(join(folder, entry), { recursive: true, force: true });
}

if (import.meta.main) {
  const [verb, folder, ...rest] = process.argv.slice(2);
  if (verb === 'outlive' && folder !== undefined) {
    await stopAfter(folder, JSON.parse(rest[0] ?? '') as Identity);
  } else if (folder === undefined || (verb !== 'start' && verb !== 'stop')) {
    process.stderr.write('usage: start-cluster FOLDER [IMAGES.tar...]; stop-cluster FOLDER\n');
    process.exitCode = 2;
  } else if (verb === 'stop') await stopCluster(folder);
  else {
    const kubeconfig = await startCluster(folder);
    for (const tar of rest) await importImages(folder, tar);
    process.stdout.write(`${kubeconfig}\n`);
  }
}
