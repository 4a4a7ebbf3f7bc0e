// Observing a custom program that exports Prometheus metrics.
import { z } from 'zod';
import { readPrometheusText, type Series, seriesKey } from '../metrics/prometheus-text.ts';
import type { Observation } from '../network/observation.ts';
import { addressIn } from './address.ts';

const metric = z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,255}$/, 'a name of a metric');

export const observePrometheus = z
  .strictObject({
    port: z.int().min(1).max(65_535).describe('Of HTTP, on the address of the node.'),
    path: z.string().max(1000).default('/metrics'),
    peers: z
      .strictObject({
        metric: metric.describe('Has one series per peer; those above 0 count.'),
        address: z.string().max(128).describe('The label that holds its IPv4 address.'),
      })
      .optional()
      .describe('Where the peers are; the node itself is left out.'),
    height: metric.optional().describe('A number that grows: blocks, entries, terms.'),
    metrics: z
      .array(metric)
      .max(500)
      .default([])
      .describe(
        'Kept for `node:<name>`: each series under its name and labels (in order of name), and ' +
          'under the bare name their sum.',
      ),
  })
  .describe('A path that answers with Prometheus metrics.');

export function prometheusObservation(
  { peers, height, metrics }: z.output<typeof observePrometheus>,
  body: string,
): Partial<Observation> {
  const series = readPrometheusText(body).filter(({ value }) => Number.isFinite(value));
  const named = (name: string) => series.filter((one) => one.name === name);
  const heights = height === undefined ? [] : named(height);
  return {
    ...(peers === undefined ? {} : { peers: peersIn(named(peers.metric), peers.address) }),
    ...(heights.length === 0 ? {} : { height: sum(heights) }),
    metrics: Object.fromEntries(
      metrics.flatMap((name) => {
        const found = named(name);
        const kept = found.map((one) => [seriesKey(one), one.value] as const);
        return found.length === 0 ? [] : [[name, sum(found)] as const, ...kept];
      }),
    ),
  };
}

function peersIn(series: readonly Series[], label: string): Observation['peers'] {
  return series.flatMap(({ labels, value }) => {
    const address = addressIn(labels[label] ?? '');
    return value > 0 && address !== undefined ? [{ address, direction: 'outbound' as const }] : [];
  });
}

function sum(series: readonly Series[]): number {
  return series.reduce((total, { value }) => total + value, 0);
}
