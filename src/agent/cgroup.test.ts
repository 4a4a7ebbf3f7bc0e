import { describe, expect, test } from 'vitest';
import { membershipOf, statOf } from './cgroup.ts';

const uid = '0d1f7c3e-2b4a-4c6d-8e9f-aabbccddeeff';
const slice = uid.replaceAll('-', '_');
const id = 'a'.repeat(64);

describe('the pod of a process', () => {
  test.each([
    [
      'v2, cgroupfs driver',
      `0::/kubepods/burstable/pod${uid}/${id}\n`,
      { pod: uid, container: id },
    ],
    ['v2, guaranteed', `0::/kubepods/pod${uid}/${id}`, { pod: uid, container: id }],
    [
      'v2, systemd driver',
      `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${slice}.slice/cri-containerd-${id}.scope`,
      { pod: uid, container: id },
    ],
    [
      'v2, seen from inside another pod',
      `0::/../../kubepods-pod${slice}.slice/crio-${id}.scope/container`,
      { pod: uid, container: id },
    ],
    [
      'v1, one line of many',
      `12:misc:/\n11:memory:/kubepods/besteffort/pod${uid}/${id}\n1:name=systemd:/\n`,
      { pod: uid, container: id },
    ],
    ['the pod itself, without a container', `0::/kubepods/pod${uid}`, { pod: uid }],
    [
      'the monitor of CRI-O',
      `0::/kubepods.slice/kubepods-pod${slice}.slice/crio-conmon-${id}.scope`,
      { pod: uid },
    ],
    [
      'inside a host that is a container',
      `0::/kubelet/kubepods/pod${uid}/${id}`,
      { pod: uid, container: id },
    ],
    ['a service of the host', '0::/system.slice/kubelet.service', undefined],
    ['a user', '0::/user.slice/user-0.slice/session-1.scope', undefined],
    ['a folder that is only called so', `0::/podman/pod${uid.slice(1)}/${id}`, undefined],
    ['nothing', '', undefined],
  ])('%s', (_, text, expected) => {
    expect(membershipOf(text)).toEqual(expected);
  });
});

describe('/proc/PID/stat', () => {
  const fields = 'S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 2';

  test.each([
    ['node', 'node'],
    ['a b', 'a b'],
    ['x) S 9 (', 'x) S 9 ('],
    ['line\nbreak', 'line\nbreak'],
  ])('of %j', (command, expected) => {
    expect(statOf(`42 (${command}) ${fields}\n`)).toEqual({
      command: expected,
      state: 'S',
      parent: 1,
      startTicks: 4711,
    });
  });

  test('that is empty, since the process is gone', () => {
    expect(statOf('')).toBeUndefined();
  });
});
