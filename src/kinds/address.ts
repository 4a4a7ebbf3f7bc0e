// Nodes are told apart by address; programs write it in many ways, and one that was dialled by name
// is often shown by that name.
import { z } from 'zod';

const ipv4 = z.ipv4();
const ipv6 = z.ipv6();
const hostAndPort = /^(?:\w+:\/\/)?(?:[^@/]*@)?(?:\[([^\]]*)\]|([^/:]+))(?::\d+)?(?:\/.*)?$/;
/** Of a node: never a single word. */
const hostName = /^(?=.*[a-z])[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+$/i;

/**
 * The IPv4 in `10.0.0.1:80`, `http://10.0.0.1`, `/ip4/10.0.0.1/tcp/80`, `[::ffff:10.0.0.1]:80`; if
 * there is none, the IPv6 or the name in `[fd00::1]:80`, `/dns4/full-0.net/tcp/80`,
 * `full-0.net:80`.
 */
export function addressIn(text: string): string | undefined {
  const found = text.split(/[^0-9.]+/).find((part) => ipv4.safeParse(part).success);
  if (found !== undefined) return found;
  const [, multi] = /^\/(?:ip6|dns|dns4|dns6)\/([^/]+)/.exec(text) ?? [];
  const [, bracketed, name] = hostAndPort.exec(text) ?? [];
  return [multi, bracketed, name, text].find(isHost);
}

function isHost(text: string | undefined): text is string {
  return text !== undefined && (ipv6.safeParse(text).success || hostName.test(text));
}
