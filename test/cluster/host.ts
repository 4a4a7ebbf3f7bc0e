// A host of the test cluster, from the inside: started in namespaces of its own, as a child of
// their first process, it makes the mounts, the addresses and the files, imports the images that it
// is given, starts the programs of settings.ts for its roles, and starts again what ends, as a
// service manager would. While the file `hold/NAME` is there, NAME is not started. It ends with its
// namespaces, and these end with it; one without a control plane ends with the first host, too.
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import {
  addressesOf,
  alive,
  cgroupOf,
  containerd,
  controls,
  filesOf,
  hostOf,
  kubeconfig,
  type Place,
  type Program,
  programsOf,
  sandboxImage,
  volumes,
} from './settings.ts';

const [folder = '', programs = '', index = '', number = '', ...images] = process.argv.slice(2);
await becomeHost({ folder, programs, index: Number(index), number: Number(number) });

async function becomeHost(place: Place): Promise<void> {
  const at = (...path: string[]) => join(place.folder, ...path);
  await mounts(place);
  await network(place);
  for (const each of ['cni', 'hold', 'kubelet', 'log/pods', 'pids', 'pki'])
    await mkdir(at(each), { recursive: true });
  for (let volume = 0; volume < volumes; volume += 1)
    await mkdir(at('volumes', `${volume}`), { recursive: true });
  for (const [name, text] of Object.entries(filesOf(place))) await writeFile(at(name), text);
  const token = controls(place) ? await secrets(place) : undefined;

  const all = programsOf(place);
  for (const program of all.filter(({ first }) => first)) keep(place, program);
  if (token === undefined) endWithFirst(place);
  else {
    createServer().listen(at(alive));
    // The API server makes itself a certificate, which the others are to trust.
    await until(() => access(at('pki', 'apiserver.crt')));
    const ca = readFileSync(at('pki', 'apiserver.crt'), 'utf8');
    await writeFile(at('kubeconfig'), kubeconfig(place, { token, ca }), { mode: 0o600 });
  }
  await until(() => importSandbox(place));
  for (const tar of images) await importImage(tar);
  await until(() => kubectl(place, ['get', '--raw', '/readyz']));
  if (controls(place)) await until(() => kubectl(place, ['apply', '-f', at('objects.json')]));
  for (const program of all.filter(({ first }) => !first)) keep(place, program);

  const { name } = hostOf(place);
  await until(() => kubectl(place, ['wait', 'node', name, '--for=condition=Ready']));
  await until(() => kubectl(place, ['get', 'serviceaccount', 'default']));
  if (controls(place))
    await until(() => fetch('http://127.0.0.1:8181/ready').then((answer) => isOk(answer)));
  await writeFile(at('ready'), '');
}

/** The kernel closes the connection, however the first host has ended. */
function endWithFirst({ folder }: Place): void {
  const first = connect(join(folder, '..', alive));
  first.once('error', (error) => console.log(new Date().toISOString(), error.message));
  first.once('close', () => process.exit(1));
}

async function mounts({ folder, ...place }: Place): Promise<void> {
  // /sys shows the network namespace it was mounted in.
  const kept = join(folder, 'cgroup');
  await mkdir(kept, { recursive: true });
  await execa('mount', ['--rbind', '/sys/fs/cgroup', kept]);
  await execa('mount', ['-t', 'sysfs', 'sysfs', '/sys']);
  await execa('mount', ['--rbind', kept, '/sys/fs/cgroup']);
  await execa('umount', ['--recursive', '--lazy', kept]);
  await execa('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run']);
  await execa('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/var/log']);
  // Pods may ask to see what is mounted later.
  await execa('mount', ['--make-rshared', '/']);
  const controllers = await readdir('/sys/fs/cgroup', { withFileTypes: true });
  for (const controller of controllers.filter((entry) => entry.isDirectory()))
    await mkdir(join('/sys/fs/cgroup', controller.name, cgroupOf(place)), { recursive: true });
  // As much as four programs of the control plane: in the same cgroup as these, pods of a real host
  // are up against system.slice as a whole.
  const weight = join('/sys/fs/cgroup/cpu', cgroupOf(place), 'cpu.shares');
  if (existsSync(weight)) await writeFile(weight, '4096');
}

async function network(place: Place): Promise<void> {
  const { gateway, inside } = addressesOf(place);
  await execa('hostname', [hostOf(place).name]);
  await execa('ip', ['link', 'set', 'lo', 'up']);
  // The other end of the link is made outside.
  await until(() => execa('ip', ['link', 'set', 'eth0', 'up']));
  for (const address of inside)
    await execa('ip', ['address', 'add', address, 'dev', 'eth0', 'nodad']);
  // An address that is no pod's: the outside world, as far as there is one.
  if (controls(place)) await execa('ip', ['address', 'add', '203.0.113.1/32', 'dev', 'lo']);
  else for (const via of gateway) await execa('ip', ['route', 'add', 'default', 'via', via]);
  for (const family of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
    await writeFile(`/proc/sys/net/${family}`, '1');
}

async function secrets({ folder }: Place): Promise<string> {
  const token = randomBytes(16).toString('hex');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const files = {
    'tokens.csv': `${token},admin,admin,system:masters\n`,
    'service-accounts.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, 'pki', name), text, { mode: 0o600 });
  return token;
}

/** Starts it, and again whenever it has ended. */
function keep(place: Place, program: Program): void {
  const { name, argv } = program;
  const [path, ...args] = argv;
  if (existsSync(join(place.folder, 'hold', name))) {
    setTimeout(() => keep(place, program), 200);
    return;
  }
  const log = openSync(join(place.folder, 'log', `${name}.log`), 'a');
  const child = spawn(path, args, { stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  const note = join(place.folder, 'pids', name);
  if (child.pid !== undefined) writeFileSync(note, `${child.pid}\n`);
  child.once('error', (error) => console.log(new Date().toISOString(), name, error.message));
  child.once('close', (code, signal) => {
    rmSync(note, { force: true });
    console.log(new Date().toISOString(), name, 'ended:', signal ?? code);
    setTimeout(() => keep(place, program), 500);
  });
}

/** An image of one static program, as `docker save` would write it. */
async function importSandbox({ folder, programs }: Place): Promise<void> {
  const image = join(folder, 'sandbox');
  await mkdir(image, { recursive: true });
  const layer = join(image, 'layer.tar');
  await execa('tar', ['-cf', layer, '--owner=0', '--group=0', '-C', programs, 'pause']);
  const sum = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sum}`] },
  };
  const manifest = [{ Config: 'config.json', RepoTags: [sandboxImage], Layers: ['layer.tar'] }];
  await writeFile(join(image, 'config.json'), JSON.stringify(config));
  await writeFile(join(image, 'manifest.json'), JSON.stringify(manifest));
  const tar = join(folder, 'sandbox.tar');
  await execa('tar', ['-cf', tar, '-C', image, 'manifest.json', 'config.json', 'layer.tar']);
  await importImage(tar);
}

async function importImage(tar: string): Promise<void> {
  await execa('ctr', ['--address', containerd, '-n', 'k8s.io', 'images', 'import', tar]);
}

function kubectl({ folder, programs }: Place, args: readonly string[]) {
  const program = join(programs, 'kubectl');
  return execa(program, [`--kubeconfig=${join(folder, 'kubeconfig')}`, ...args]);
}

function isOk(answer: Response): void {
  if (!answer.ok) throw new TypeError(`${answer.url}: ${answer.status}`);
}

/** Whoever started us has a limit for all of it. */
async function until(step: () => Promise<unknown>): Promise<void> {
  for (let last = ''; ; await sleep(100)) {
    try {
      await step();
      return;
    } catch (error) {
      const whole = error instanceof Error ? error.message : String(error);
      const [message = ''] = whole.split('\n\n', 1);
      if (message !== last) console.log(new Date().toISOString(), message);
      last = message;
    }
  }
}
