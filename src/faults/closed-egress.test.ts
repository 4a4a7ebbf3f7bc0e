import { expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import { closeEgress } from './closed-egress.ts';

test('lists the addresses of both families, and can be run again', () => {
  const text = closeEgress('eth0', new Map([[nodeName('n', 0), ['10.0.0.1', 'fd00::1']]]));
  expect(text).toContain('add element netdev peerstorm inside { 10.0.0.1 }\n');
  expect(text).toContain('add element netdev peerstorm inside6 { fd00::1 }\n');
  expect(text.indexOf('flush set netdev peerstorm inside\n')).toBeLessThan(
    text.indexOf('10.0.0.1'),
  );
  expect(text.indexOf('flush chain')).toBeLessThan(text.indexOf('add rule'));
});

test.each(['eth0"; drop', '', 'eth0 ', '-x', 'abcdefghijklmnop'])('%j is no device', (device) => {
  expect(() => closeEgress(device, new Map())).toThrow(TypeError);
});

test('an address that is none never reaches the text', () => {
  const addresses = new Map([[nodeName('n', 0), ['10.0.0.1 }\nflush ruleset']]]);
  expect(() => closeEgress('eth0', addresses)).toThrow(TypeError);
});
