// What this machine can do, tried out and not assumed: each feature is used for real in a network
// namespace that is thrown away at once. What is missing comes with the tool's own message and
// with what brings it.
import { access, constants, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { tableName } from '../../faults/ruleset.ts';
import type { Capability, Feature } from '../runtime.ts';
import { attempt, type Program, systemPath } from './kernel-commands.ts';

type Trial = {
  readonly feature: Feature;
  readonly program: Program;
  readonly args: readonly string[];
  readonly input: string;
  readonly found: string;
  /** What brings it, by what the tool said. */
  readonly fix: (message: string) => Promise<string> | string;
};

/** `pod`: in its network namespace only. `fabric`: in namespaces of all kinds, as a router. */
export type TriedFor = 'fabric' | 'pod';

/** Tries every feature of the network. Never throws: what cannot be tried is not there. */
export async function supportedFeatures(
  where: TriedFor = 'fabric',
  signal?: AbortSignal,
): Promise<readonly Capability[]> {
  const without = await missingProgram(where);
  if (without !== undefined) {
    const { program, fix } = without;
    return trials.map(({ feature }) => report(feature, `${program} is not installed`, fix));
  }
  const capabilities: Capability[] = [];
  for (const trial of trials) {
    const missing = capabilities.find(({ feature, ok }) => feature === 'namespaces' && !ok);
    capabilities.push(
      missing === undefined
        ? await tryOut(trial, where, signal)
        : report(trial.feature, 'not tried: no namespace to try it in', missing.fix),
    );
  }
  return capabilities;
}

/** The first program that is needed and that is not here. */
async function missingProgram(
  where: TriedFor,
): Promise<{ program: string; fix: string } | undefined> {
  const folders = systemPath().split(delimiter);
  for (const [program, owner] of Object.entries(packages[where])) {
    const found = await Promise.any(
      folders.map((folder) => access(join(folder, program), constants.X_OK)),
    ).catch(() => false);
    if (found === false) return { program, fix: `install the package ${owner}` };
  }
  return undefined;
}

const ofPods = { ip: 'iproute2', unshare: 'util-linux', nsenter: 'util-linux' };

/** By the names of Debian; nft and tc are tried out by themselves. */
const packages = {
  pod: ofPods,
  fabric: {
    ...ofPods,
    setpriv: 'util-linux',
    setsid: 'util-linux',
    mount: 'mount',
    xargs: 'findutils',
  },
} as const;

async function tryOut(trial: Trial, where: TriedFor, signal?: AbortSignal): Promise<Capability> {
  const { feature, program, args, input, found, fix } = trial;
  const outcome = await attempt('unshare', [...newNamespace(where), program, ...args], {
    input,
    ...(signal === undefined ? {} : { signal }),
  });
  if (outcome.ok) return { host: hostname(), feature, ok: true, reason: found };
  const said = outcome.message.replace(/^unshare [^:]*: /, '');
  return report(feature, said, await fix(said));
}

function report(feature: Feature, reason: string, fix?: string): Capability {
  return { host: hostname(), feature, ok: false, reason, ...(fix === undefined ? {} : { fix }) };
}

/** As the supervisor's are made: with a user namespace only if we are not root already. */
function newNamespace(where: TriedFor): readonly string[] {
  if (where === 'pod') return ['--net'];
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return [...user, '--net', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc'];
}

const lines = (...text: readonly string[]) => `${text.join('\n')}\n`;

const shaped = [
  'link set lo up',
  'link add v0 type veth peer name v1',
  'link set v0 up gso_max_segs 1',
  'route add unreachable default',
];

const netemLeaves = [
  'qdisc add dev lo root handle 5053: htb default 0',
  'class add dev lo parent 5053: classid 5053:2 htb rate 1gbit quantum 1514',
  'class add dev lo parent 5053: classid 5053:3 htb rate 1gbit quantum 1514',
  'qdisc add dev lo parent 5053:2 netem limit 1000 delay 50ms 5ms distribution normal',
];

const trials: readonly Trial[] = [
  {
    feature: 'namespaces',
    program: 'ip',
    args: ['-batch', '-'],
    input: lines(...shaped),
    found: 'namespaces with veth',
    fix: namespacesFix,
  },
  {
    feature: 'nft',
    program: 'nft',
    args: ['-f', '-'],
    input: lines(
      `add table inet ${tableName}`,
      `add set inet ${tableName} lease { type nf_proto; flags timeout; }`,
      `add map inet ${tableName} m { type ipv4_addr : mark; }`,
      `add chain inet ${tableName} c { type filter hook forward priority 0; }`,
      `add rule inet ${tableName} c meta nfproto != @lease counter accept`,
      `add rule inet ${tableName} c meta mark set ip saddr map @m`,
      `add rule inet ${tableName} c meta priority set 5053:2`,
      `add rule inet ${tableName} c numgen random mod 1000000 < 1000 counter drop`,
      `add rule inet ${tableName} c reject`,
    ),
    found: 'tables, maps, timeouts, random loss and reject',
    fix: (message) =>
      notInstalled(message)
        ? 'install the package nftables'
        : 'load the kernel module nf_tables (modprobe nf_tables nft_numgen nft_reject_inet)',
  },
  {
    feature: 'htb',
    program: 'tc',
    args: ['-batch', '-'],
    input: lines(...netemLeaves.slice(0, 3)),
    found: 'traffic classes with a rate',
    fix: (message) =>
      notInstalled(message)
        ? 'install the package iproute2'
        : 'load the kernel module sch_htb (modprobe sch_htb)',
  },
  {
    feature: 'netem',
    program: 'tc',
    args: ['-batch', '-'],
    input: lines(...netemLeaves),
    found: 'delay, jitter, burst loss, duplicate, corrupt, reorder',
    fix: netemFix,
  },
  {
    feature: 'netem-duplicate',
    program: 'tc',
    args: ['-batch', '-'],
    input: lines(
      ...netemLeaves,
      'qdisc add dev lo parent 5053:3 netem limit 1000 delay 50ms duplicate 1%',
    ),
    found: 'duplicate beside other netem classes',
    fix: (message) =>
      message.includes('cannot mix')
        ? 'another kernel: 7.3 accepts it, some of 6.1, 6.12 and 6.18 do not'
        : netemFix(message),
  },
];

function notInstalled(message: string): boolean {
  return /failed to execute|ENOENT|not found/.test(message);
}

function netemFix(message: string): string {
  if (notInstalled(message)) return 'install the package iproute2';
  return message.includes('distribution')
    ? 'install the whole of iproute2: its table of the normal distribution is not there'
    : 'load the kernel module sch_netem (modprobe sch_netem; Fedora and RHEL: package ' +
        'kernel-modules-extra; kernels of small virtual machines often lack it)';
}

/** Which of the switches that close user namespaces is closed here. */
async function namespacesFix(): Promise<string> {
  const switches = [
    ['kernel/unprivileged_userns_clone', '0', '1'],
    ['kernel/apparmor_restrict_unprivileged_userns', '1', '0'],
    ['user/max_user_namespaces', '0', '10000'],
    ['user/max_net_namespaces', '0', '10000'],
  ] as const;
  for (const [key, closed, open] of switches) {
    const value = await readFile(`/proc/sys/${key}`, 'utf8').catch(() => '');
    if (value.trim() === closed) {
      return `run \`sudo sysctl -w ${key.replaceAll('/', '.')}=${open}\`, or run as root`;
    }
  }
  return 'run as root, or in a container with --privileged';
}
