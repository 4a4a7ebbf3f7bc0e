// Which pod and which container a process belongs to, by the text of /proc/PID/cgroup.

export type Membership = {
  /** UID of the pod, with dashes. */
  readonly pod: string;
  /** Id of the container, as in `containerID` of a pod's status behind `//`. */
  readonly container?: string;
};

// `pod<UID>` of the cgroupfs driver, `kubepods-burstable-pod<UID>.slice` of the systemd driver,
// which writes the dashes of the UID as underscores because its own dashes are levels.
const podPart = /^(?:.*-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?$/;
// `cri-containerd-<id>.scope`, `crio-<id>.scope`, `docker-<id>.scope`, or the id alone. The monitor
// of CRI-O (`crio-conmon-<id>.scope`) sits in the pod's cgroup and is no part of a container.
const containerPart = /^(?:(?:cri-containerd|crio|docker)-)?([0-9a-f]{64})(?:\.scope)?$/;

/** Undefined for a process outside all pods. Reads both versions of cgroups. */
export function membershipOf(text: string): Membership | undefined {
  // One line for each hierarchy (v1) or one for all (v2): `12:memory:/kubepods/...`, `0::/...`.
  // Some v1 hierarchies may have no part in pods.
  for (const line of text.split('\n')) {
    const parts = line.split(':').slice(2).join(':').split('/');
    const at = parts.findIndex((part) => podPart.test(part));
    if (at === -1) continue;
    const pod = podPart.exec(parts[at] ?? '')?.[1]?.replaceAll('_', '-') ?? '';
    const container = containerPart.exec(parts[at + 1] ?? '')?.[1];
    return { pod, ...(container === undefined ? {} : { container }) };
  }
  return undefined;
}

export type ProcessStat = {
  readonly command: string;
  /** R, S, D, Z, T, t, X, ... (proc_pid_stat(5)). */
  readonly state: string;
  readonly parent: number;
  /** Since boot, in hundredths of a second, on every Linux. With the pid it names a process. */
  readonly startTicks: number;
};

/** The text of /proc/PID/stat; the command in it may hold spaces and parentheses. */
export function statOf(text: string): ProcessStat | undefined {
  const match = /^\d+ \((.*)\) (\S) (.*)$/s.exec(text);
  if (match === null) return undefined;
  const [, command = '', state = '', rest = ''] = match;
  const fields = rest.split(' ');
  return { command, state, parent: Number(fields[0]), startTicks: Number(fields[18]) };
}
