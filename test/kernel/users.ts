// As whom the kernel suite runs here: as root and as somebody without privileges, who has to make
// a user namespace first.
import { spawnSync } from 'node:child_process';
import { requireTier } from '../require.ts';

export type User = 'root' | 'an unprivileged user';

const isRoot = process.getuid?.() === 0;

/** What a process of that user has before its own arguments. */
export function asUser(user: User): readonly string[] {
  const namespaces = ['--net', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc'];
  if (user === 'root') return ['unshare', ...namespaces];
  // 65534 is nobody, everywhere.
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  return [...(isRoot ? nobody : []), 'unshare', '--user', '--map-root-user', ...namespaces];
}

/** True in the kernel of test/netem, where starting a process takes ten times as long. */
export const inUml = process.env['PEERSTORM_IN_UML'] === '1';

/** At least one, or there is nothing to test here. */
export const allUsers: readonly User[] = [
  ...(requireTier('kernel tests as root', isRoot, 'not root') ? (['root'] as const) : []),
  ...(hasUserNamespaces() ? (['an unprivileged user'] as const) : []),
];

/** Privileges make no difference to netem's kernel: there the whole suite runs once. */
export const users: readonly User[] = inUml ? allUsers.slice(0, 1) : allUsers;

function hasUserNamespaces(): boolean {
  const [program = '', ...args] = asUser('an unprivileged user');
  const test = spawnSync(program, [...args, 'test', '-r', `${import.meta.dirname}/driver.ts`]);
  const reason = test.stderr.toString().trim() || 'the checkout is not readable by others';
  return requireTier('kernel tests without privileges', test.status === 0, reason);
}
