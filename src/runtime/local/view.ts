// What a node sees of this machine: its file tree read-only, an own /tmp, /run, /dev and /proc, its
// own processes, and of everything that Peerstorm keeps only its own data directory. The control
// socket, the state, other nodes' data and logs, and sockets of the host's services are not there.
// One mount namespace is the template, made once; each node's is a copy of it, because a copy of
// ours would have every network namespace of the testnet in it. All of it ends with the supervisor.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { fail } from '../../errors.ts';
import type { NodeName } from '../../names.ts';
import { run, systemPath } from '../fabric/kernel-commands.ts';

export type View = Disposable & {
  /** Nobody, where there is a second user: as real root. Else nodes are the user who runs us. */
  readonly uid: number | undefined;
  /** argv that starts a program in a node's own namespaces; see `startScript`. */
  readonly start: (node: NodeView, argv: readonly string[]) => Promise<readonly string[]>;
  /** argv that runs a program beside a node that runs as this process. */
  readonly join: (node: JoinedNode, argv: readonly string[]) => readonly string[];
};

export type NodeView = {
  /** Path of its network namespace. */
  readonly netns: string;
  readonly dataDirectory: string;
};

export type JoinedNode = {
  /** Says in its errors where it was. */
  readonly node: NodeName;
  readonly pid: number;
  readonly dataDirectory: string;
};

const nobody = 65_534;

/** `directory` is the run directory; its parent has the run directories of other testnets. */
export async function openView(directory: string, signal: AbortSignal): Promise<View> {
  const nodes = join(directory, 'nodes');
  await mkdir(nodes, { recursive: true });
  const keeper = await startKeeper();
  const template = `/proc/${keeper.pid}/ns/mnt`;
  const inside = (argv: readonly string[], input = '') =>
    run('nsenter', [`--mount=${template}`, '--', ...argv], { signal, input });
  await inside(['sh', '-euc', templateScript, 'sh', nodes]);
  const writable = writableMounts(await inside(['cat', '/proc/self/mountinfo']));
  // One that we may not even look up, a node may not either: hence no failure here.
  await inside(
    ['xargs', '-0', '-n', '2', 'sh', '-c', 'mount -n -c -o "$0" "$1" 2>/dev/null || true'],
    writable.map(([path, options]) => `${options}\0${path}\0`).join(''),
  );
  await inside(['sh', '-euc', 'mount -n --rbind / /run/view/host']);
  await refuseWritableRoot(await inside(['cat', '/proc/self/mountinfo']));
  const uid = (await isMapped(nobody)) ? nobody : undefined;
  const covers = await coversOf(directory, uid);
  const drop = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return {
    uid,
    [Symbol.dispose]: () => void keeper.kill('SIGKILL'),
    start: async ({ netns, dataDirectory }, argv) => {
      // What it is told of may lie behind a closed folder that nothing of ours lies behind.
      const closed = uid === undefined ? [] : await closedAncestors(argv.filter(isAbsolute));
      const covered = outermost([...covers, ...closed]);
      const { folders, files } = await boundBack(argv, { covered, hidden: dirname(directory) });
      const inside = [...folders, ...files].map((path) => tableLine(`/run/view/host${path}`, path));
      const data = tableLine(`/run/view/data/${basename(dataDirectory)}`, dataDirectory);
      return [
        ...['nsenter', `--net=${netns}`, `--mount=${template}`, '--'],
        ...['unshare', '--mount', '--pid', '--ipc', '--fork', '--kill-child', '--'],
        ...['sh', '-c', startScript, 'sh', dataDirectory],
        ...[covered.map(coverLine).join(''), [...inside, data, procLine].join('')],
        ...[dataDirectory, ...folders, ...files.map((path) => dirname(path)), '--', ...files],
        ...['--', 'setpriv', ...drop, ...unprivileged, '--', ...argv],
      ];
    },
    join: ({ node, pid, dataDirectory }, argv) => [
      ...['nsenter', `--target=${pid}`, '--net', '--mount', '--pid', '--ipc', '--'],
      ...['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', dataDirectory],
      // What was started from outside ends with its starter.
      ...['setpriv', ...drop, ...unprivileged, '--pdeathsig=KILL', '--'],
      ...['sh', '-c', runScript, node, ...argv],
    ],
  };
}

/** A process that does nothing but have a mount namespace. It ends when we do: by its input. */
async function startKeeper(): Promise<ChildProcess> {
  const keeper = spawn('unshare', ['--mount', '--', 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: systemPath() },
  });
  keeper.stdin.write('.');
  const begun = await Promise.race([
    once(keeper.stdout, 'data').then(() => true),
    once(keeper, 'exit').then(() => false),
  ]);
  if (!begun) throw fail('COMMAND_FAILED', 'unshare --mount: no mount namespace for nodes');
  return keeper;
}

/**
 * A shell ends with 127 for what is not there and with 126 for what is no program; but also with
 * 126 if there is a folder in PATH that this user may not enter.
 */
const runScript = `
set -f
entered=
IFS=:
for folder in $PATH; do [ -x "$folder" ] && entered=$entered:$folder; done
unset IFS
PATH=\${entered#:}
exec "$@"`;

/** Drops every capability: a node needs none, and must not be able to leave its namespaces. */
const unprivileged = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'] as const;

// Our own /run, with the network namespaces, goes first; then nothing of the host's /run is seen.
// /run/view is where nodes are given parts of the host from; each lets go of it before it starts.
const templateScript = `
umount -n -l /run
cd "$1"
mount -n -t tmpfs -o mode=755,size=16m peerstorm-run /run
mkdir /run/view
mount -n -t tmpfs -o mode=700,size=16m peerstorm-view /run/view
mkdir /run/view/data /run/view/host /run/view/dev
mount -n -c --rbind . /run/view/data
mount -n --rbind /dev /run/view/dev
mount -n -t tmpfs -o mode=755,size=16m peerstorm-dev /dev
for name in null zero full random urandom; do
  [ -e "/run/view/dev/$name" ] || continue
  : >"/dev/$name"
  mount -n -c --bind "/run/view/dev/$name" "/dev/$name"
done
ln -s /proc/self/fd /dev/fd
for name in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/\${name#*:}" "/dev/\${name%:*}"; done
ln -s /tmp /dev/shm
umount -n -l /run/view/dev
mount --make-unbindable /run/view
`;

// The first process of the node's process namespace: it reaps, and ends with the program, and then
// the kernel ends all that is left in there. The program itself is not the first process, because
// that one would not be ended by signals that it does not handle (pid_namespaces(7)).
// Arguments: data directory; what to cover and what to bind back into that, as fstab(5); folders to
// be made, --, files to be made, --, program. File descriptor 3 gets the program's process id, as
// seen by whoever mounted the /proc that is there at the start. Two mounts by table, because each
// process more costs each node 2 ms.
const startScript = `
set -u
start() {
  set -e
  read -r pid _ </proc/self/stat
  data=$1 covers=$2 inside=$3; shift 3
  table=/run/view/table.$pid
  printf %s "$covers" >"$table"
  mount -n -c -a -T "$table"
  while [ "$1" != -- ]; do
    [ -d "$1" ] || mkdir -p "$1"
    shift
  done; shift
  while [ "$1" != -- ]; do
    : >"$1"
    shift
  done; shift
  printf %s "$inside" >"$table"
  mount -n -c -a -T "$table"
  : >"$table"
  umount -n -l /run/view
  cd "$data"
  echo "$pid" >&3
  exec 3>&-
  exec setsid "$@"
}
start "$@" &
exec 3>&- >/dev/null 2>&1
wait "$!"
`;

/** Options that make each mount that can be written to read-only and keep all else as it is. */
function writableMounts(mountinfo: string): readonly (readonly [string, string])[] {
  const own = ['/run', '/dev', '/proc'];
  const seen = new Map<string, string>();
  for (const { path, options } of mountsOf(mountinfo)) {
    if (own.some((folder) => isWithin(path, folder))) continue;
    // Flags of mounts that come from a more privileged namespace may not be taken away.
    const kept = options.filter((option) => /^(?:nosuid|nodev|noexec|\w*atime)$/.test(option));
    if (options.includes('rw')) seen.set(path, ['remount', 'bind', 'ro', ...kept].join(','));
  }
  return [...seen];
}

async function refuseWritableRoot(mountinfo: string): Promise<void> {
  const root = mountsOf(mountinfo).findLast(({ path }) => path === '/');
  if (root?.options.includes('ro') === true) return;
  throw fail('COMMAND_FAILED', 'the file tree could not be made read-only for nodes');
}

/** proc_pid_mountinfo(5): fields 5 and 6. */
function mountsOf(mountinfo: string) {
  return mountinfo
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, , , , path = '', options = ''] = line.split(' ');
      const unescaped = path.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
        String.fromCodePoint(Number.parseInt(code, 8)),
      );
      return { path: unescaped, options: options.split(',') };
    });
}

/** Is there such a user (and group) in this user namespace? user_namespaces(7). */
async function isMapped(id: number): Promise<boolean> {
  const maps = await Promise.all(
    ['uid_map', 'gid_map'].map((name) => readFile(`/proc/self/${name}`, 'utf8')),
  );
  return maps.every((map) =>
    map
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .some(([first = 0, , count = 0]) => first <= id && id < first + count),
  );
}

/** Folders of which a node sees nothing but what is bound back: the outermost of them. */
async function coversOf(directory: string, uid: number | undefined): Promise<readonly string[]> {
  const places = ['/tmp', '/var/tmp', dirname(directory)];
  const always = (await Promise.all(places.map(existing))).flat();
  if (uid === undefined) return outermost(always);
  // Nobody could not get through these to what is bound back inside.
  const ours = [directory, homedir(), process.execPath, process.cwd()];
  return outermost([...always, ...(await closedAncestors(ours))]);
}

async function existing(path: string): Promise<readonly string[]> {
  return (await stat(path).catch(() => undefined)) === undefined ? [] : [path];
}

function outermost(paths: readonly string[]): readonly string[] {
  const all = [...new Set(paths)];
  return all.filter((path) => !all.some((other) => other !== path && isWithin(path, other)));
}

async function closedAncestors(paths: readonly string[]): Promise<readonly string[]> {
  return (await Promise.all(paths.map(closedAncestor))).flatMap((folder) => folder ?? []);
}

/** The outermost folder on the way that others may not pass. */
async function closedAncestor(path: string): Promise<string | undefined> {
  const parts = path.split(sep).filter((part) => part !== '');
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const folder = sep + parts.slice(0, depth).join(sep);
    const entry = await stat(folder).catch(() => undefined);
    if (entry?.isDirectory() === true && (entry.mode & constants.S_IXOTH) === 0) return folder;
  }
  return undefined;
}

/**
 * Of the program and what its arguments name, what is covered, but not what comes with it; a
 * program with what is beside it.
 */
async function boundBack(
  [program = '', ...rest]: readonly string[],
  { covered, hidden }: { readonly covered: readonly string[]; readonly hidden: string },
): Promise<{ readonly folders: readonly string[]; readonly files: readonly string[] }> {
  const real = await realpath(program).catch(() => program);
  const wanted = [dirname(program), dirname(real), ...rest.filter(isAbsolute)].filter((path) => {
    const isCovered = covered.some((cover) => path !== cover && isWithin(path, cover));
    return isCovered && !isWithin(hidden, path) && !isWithin(path, hidden);
  });
  const [folders, files]: [string[], string[]] = [[], []];
  for (const path of outermost(wanted)) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) (found.isDirectory() ? folders : files).push(path);
  }
  return { folders, files };
}

// Lines of fstab(5): blanks end a field.
function tableLine(from: string, to: string): string {
  return `${tableField(from)} ${tableField(to)} none rbind 0 0\n`;
}
function coverLine(path: string): string {
  return `peerstorm-tmp ${tableField(path)} tmpfs mode=1777,nosuid,nodev 0 0\n`;
}
const procLine = 'peerstorm-proc /proc proc ro,nosuid,nodev,noexec 0 0\n';

function tableField(path: string): string {
  return path.replaceAll(/[\s\\#]/g, (sign) => `\\${octal(sign)}`);
}

function octal(sign: string): string {
  return (sign.codePointAt(0) ?? 0).toString(8).padStart(3, '0');
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}
