// Observing a custom program that answers with JSON.
import { z } from 'zod';
import { fail } from '../errors.ts';
import type { Observation, ObservedPeer } from '../network/observation.ts';
import { addressIn } from './address.ts';
import { jsonPointerPattern, resolvePointer } from './json-pointer.ts';

const pointer = z
  .string()
  .max(500)
  .regex(jsonPointerPattern, 'a JSON Pointer such as /cluster/peers');

const test = z.strictObject({
  at: pointer.describe('Where to look in the element.'),
  is: z
    .union([z.string().max(200), z.number(), z.boolean()])
    .describe('The value that must be there.'),
});

export const observeJson = z
  .strictObject({
    port: z.int().min(1).max(65_535).describe('Of HTTP, on the address of the node.'),
    path: z.string().max(1000).default('/'),
    peers: z
      .strictObject({
        list: pointer.describe('A list, or an object whose values count.'),
        address: pointer
          .default('')
          .describe('In each element: a text that holds the IPv4 address; empty: the element.'),
        inbound: test.optional().describe('What makes it an inbound peer; default: outbound.'),
        where: test.optional().describe('Count only elements like this.'),
      })
      .optional()
      .describe('Where the peers are; the node itself is left out.'),
    height: pointer.optional().describe('A number that grows: blocks, entries, terms.'),
    tip: pointer.optional().describe('What nodes agree on: a hash, a version.'),
    metrics: z
      .record(z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/, 'a name of a metric'), pointer)
      .default({})
      .describe('Numbers for `node:<name>`; true is 1, a list or object counts its elements.'),
  })
  .describe('A path that answers with JSON; values by JSON Pointer (RFC 6901).');

export function jsonObservation(
  { peers, height, tip, metrics }: z.output<typeof observeJson>,
  body: string,
): Partial<Observation> {
  const document = parse(body);
  const tipValue = tip === undefined ? undefined : resolvePointer(document, tip);
  const heightValue = height === undefined ? undefined : numberAt(document, height);
  return {
    ...(peers === undefined ? {} : { peers: peersIn(document, peers) }),
    ...(heightValue === undefined ? {} : { height: heightValue }),
    ...(tipValue === undefined || tipValue === null ? {} : { tip: textOf(tipValue) }),
    metrics: Object.fromEntries(
      Object.entries(metrics).flatMap(([name, at]) => {
        const value = numberAt(document, at);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  };
}

function peersIn(
  document: unknown,
  { list, address, inbound, where }: NonNullable<z.output<typeof observeJson>['peers']>,
): readonly ObservedPeer[] {
  const elements = resolvePointer(document, list);
  // No peers is often null, and as often nothing at all.
  if (elements === undefined || elements === null) return [];
  if (typeof elements !== 'object') throw fail('NODE_UNREADABLE', `${list} is no list`);
  return Object.values(elements)
    .filter((element) => where === undefined || holds(element, where))
    .map((element): ObservedPeer => {
      const text = textOf(resolvePointer(element, address));
      const found = addressIn(text);
      if (found === undefined) {
        throw fail('NODE_UNREADABLE', `no IPv4 address in ${text} (${list}, ${address})`);
      }
      const isInbound = inbound !== undefined && holds(element, inbound);
      return { address: found, direction: isInbound ? 'inbound' : 'outbound' };
    });
}

function holds(element: unknown, { at, is }: z.output<typeof test>): boolean {
  return resolvePointer(element, at) === is;
}

function numberAt(document: unknown, at: string): number | undefined {
  const value = resolvePointer(document, at);
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw fail('NODE_UNREADABLE', `no JSON: ${body.slice(0, 80)}`, error);
  }
}
