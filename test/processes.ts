// Who of a testnet is alive on this machine, as seen from outside its namespaces: by the command
// line and the working directory of processes (proc(5)). A test may end one of them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type Part = 'front' | 'unshare' | 'supervisor' | 'observer' | 'node' | 'other';

export type Found = {
  readonly pid: number;
  readonly part: Part;
  /** Of a node. */
  readonly name?: string;
  readonly argv: readonly string[];
};

/** Everything that runs for the testnet with this run directory; `front` by its --name. */
export function processesOf(directory: string, testnet?: string): readonly Found[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const found = look(Number(entry), { directory, testnet });
      return found === undefined ? [] : [found];
    });
}

function look(
  pid: number,
  { directory, testnet }: { readonly directory: string; readonly testnet: string | undefined },
): Found | undefined {
  const argv = read(pid, 'cmdline').split('\0').slice(0, -1);
  const cwd = workingDirectory(pid);
  const prefix = `${directory}/nodes/`;
  if (cwd.startsWith(prefix)) {
    const name = cwd.slice(prefix.length).split('/')[0] ?? '';
    return { pid, part: 'node', name, argv };
  }
  const names = testnet !== undefined && argv.includes(testnet) && argv.includes('--name');
  const ours = names || argv.some((word) => word === directory || word.startsWith(`${directory}/`));
  return ours ? { pid, part: partOf(argv), argv } : undefined;
}

function partOf(argv: readonly string[]): Part {
  const ran = (path: string) => argv.some((word) => word.includes(path));
  // Each node has an unshare of its own too.
  if (argv[0]?.endsWith('unshare') === true) return ran('/supervisor/main.') ? 'unshare' : 'other';
  if (ran('/cli/main.')) return 'front';
  if (ran('/supervisor/main.')) return 'supervisor';
  return ran('/observe/process.') ? 'observer' : 'other';
}

/** A process for good: a number alone is used again. */
export type Identity = { readonly pid: number; readonly start: string };

/** A process and all that it has started, and these in turn. */
export function treeOf(root: number): readonly Identity[] {
  const stats = readdirSync('/proc')
    .map(Number)
    .flatMap((pid) => statOf(pid) ?? []);
  const tree = stats.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...stats.filter(({ parent }) => parent === pid));
  return tree;
}

export function isThere({ pid, start }: Identity): boolean {
  const stat = statOf(pid);
  return stat?.start === start && stat.state !== 'Z';
}

/** proc_pid_stat(5): fields 3, 4 and 22. */
function statOf(pid: number) {
  const stat = pid > 0 ? read(pid, 'stat') : '';
  const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return rest[17] === undefined
    ? undefined
    : { pid, state, parent: Number(parent), start: rest[17] };
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // gone already
  }
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
