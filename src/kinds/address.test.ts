import { expect, test } from 'vitest';
import { addressIn } from './address.ts';

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.1:18444', '10.0.0.1'],
  ['http://10.0.0.1:2380/x', '10.0.0.1'],
  ['/ip4/10.0.0.1/tcp/4001/p2p/Qm1', '10.0.0.1'],
  ['[::ffff:10.0.0.1]:80', '10.0.0.1'],
  ['node@10.0.0.1:9', '10.0.0.1'],
  ['v0.25.0 at 10.0.0.1', '10.0.0.1'],
  ['[2001:db8::1]:80', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['/ip6/2001:db8::1/tcp/4001', '2001:db8::1'],
  ['/dns4/full-0.net/tcp/4001/p2p/Qm1', 'full-0.net'],
  ['net-full-0.net:18444', 'net-full-0.net'],
  ['http://user:x@net-full-0.net:80/x', 'net-full-0.net'],
  ['[not:an:address]:80', undefined],
  ['full 0', undefined],
  [':80', undefined],
  ['300.1.1.1', undefined],
  ['', undefined],
])('%s', (text, address) => {
  expect(addressIn(text)).toBe(address);
});
