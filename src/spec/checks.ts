// Rules over several fields of one document that its shape cannot say: exactly one of, only
// together, not both. Pure functions of a spec of the right shape. What needs the network (who is
// selected, does a fault fit into the run) is for the plan to find.
import { quantity } from '../quantities/quantities.ts';
import { checkExpectation } from './check-expectations.ts';
import { checkFault, checkJitter } from './check-faults.ts';
import { checkPodSettings } from './check-kubernetes.ts';
import { checkSelectors } from './check-selectors.ts';
import { error, type Finding, listed, type Path, quote, warning } from './problems.ts';
import { distinct, exactlyOne, given } from './rules.ts';
import type { FaultDocument, Group, Link, Testnet, Topology } from './schema.ts';

export function checkTestnet({ spec }: Testnet): Finding[] {
  const { network, groups, topology, faults, expect } = spec;
  return [
    ...checkSampleInterval(spec.sampleInterval),
    ...distinct(['spec', 'network', 'regions'], network.regions),
    ...checkLinks(['spec', 'network', 'links'], network.links),
    ...distinct(['spec', 'groups'], groups),
    ...groups.flatMap((group, index) => checkGroup(['spec', 'groups', index], group)),
    ...checkTopology(['spec', 'topology'], topology),
    ...distinct(['spec', 'faults'], faults),
    ...faults.flatMap((fault, index) => checkFault(['spec', 'faults', index], fault)),
    ...distinct(['spec', 'expect'], expect),
    ...expect.flatMap((claim, index) => checkExpectation(['spec', 'expect', index], claim)),
    ...checkSelectors(spec),
    ...checkPodSettings(spec),
  ];
}

export function checkFaultDocument({ spec }: FaultDocument): Finding[] {
  return [
    ...checkFault(['spec'], spec, { openEnded: true }),
    ...checkSelectors({ discovery: {}, groups: [], expect: [], faults: [spec] }, [['spec']]),
  ];
}

function checkSampleInterval(sampleInterval: string): Finding[] {
  const ms = quantity('duration', sampleInterval);
  if (ms >= 100 && ms <= 10_000) return [];
  return [error(['spec', 'sampleInterval'], `must be 100ms to 10s, got ${quote(sampleInterval)}`)];
}

export const places = ['between', 'within', 'default'] as const;
export const properties = ['rtt', 'delay', 'jitter', 'loss', 'rate'] as const;

function checkLinks(path: Path, links: readonly Link[]): Finding[] {
  const first = new Map<string, number>();
  return links.flatMap((link, index) => {
    const here = [...path, index];
    const findings = [...exactlyOne(here, link, places), ...checkLink(here, link)];
    const pair = placeOf(link);
    const earlier = first.get(pair);
    if (earlier === undefined) first.set(pair, index);
    else
      findings.push(error(here, `is about ${pair} like links[${earlier}], one link must say all`));
    return findings;
  });
}

function checkLink(path: Path, link: Link): Finding[] {
  const findings = checkJitter(path, link);
  if (link.between !== undefined && link.between[0] === link.between[1]) {
    const message = `must name two different regions, for one use within: ${link.between[0]}`;
    findings.push(error([...path, 'between'], message));
  }
  if (link.rtt !== undefined && link.delay !== undefined) {
    findings.push(error([...path, 'delay'], 'stands beside rtt, allowed is one of them'));
  }
  if (given(link, properties).length === 0) {
    findings.push(error(path, `changes nothing, must have one of ${listed(properties, 'or')}`));
  }
  return findings;
}

function placeOf({ between, within }: Link): string {
  if (between !== undefined) return `the pair ${[...between].sort().join(', ')}`;
  return within === undefined ? 'the default' : `the inside of ${within}`;
}

function checkGroup(path: Path, { regions }: Group): Finding[] {
  if (regions === undefined) return [];
  const here = [...path, 'regions'];
  const values = Object.values(regions);
  const shares = values.filter((value) => typeof value === 'string');
  if (values.length === 0) return [error(here, 'is empty, must name a region or be left out')];
  if (shares.length === 0) return [];
  if (shares.length < values.length) {
    return [error(here, 'mixes weights and shares, must be all numbers or all percentages')];
  }
  const sum = shares.reduce((total, share) => total + quantity('ratio', share), 0);
  // 33.3 % three times is meant to be everybody.
  if (Math.abs(sum - 1) <= 0.005) return [];
  return [error(here, `shares must add up to 100%, got ${Number((sum * 100).toFixed(1))}%`)];
}

export const topologyFields = [
  { field: 'degree', model: 'random-regular' },
  { field: 'outbound', model: 'bitcoin' },
  { field: 'hub', model: 'star' },
  { field: 'edges', model: 'edges' },
  { field: 'edgesFrom', model: 'edges' },
] as const;
export const edgeFields = ['edges', 'edgesFrom'] as const;
export const edgeSources = ['file', 'configMap'] as const;

function checkTopology(path: Path, topology: Topology): Finding[] {
  const findings = topologyFields
    .filter(({ field, model }) => topology[field] !== undefined && topology.model !== model)
    .map(({ field, model }) => {
      const message = `belongs to model ${model}, the model is ${topology.model}`;
      return error([...path, field], message, 'key');
    });
  const { model, edges = [], edgesFrom } = topology;
  const list = [...path, 'edges'];
  if (model === 'edges' && given(topology, edgeFields).length === 0) {
    findings.push(error(list, 'missing, model edges needs the list of who dials whom'));
  } else if (model === 'edges') {
    findings.push(...exactlyOne(path, topology, edgeFields));
  }
  const from = [...path, 'edgesFrom'];
  if (edgesFrom !== undefined) findings.push(...exactlyOne(from, edgesFrom, edgeSources));
  return [...findings, ...checkEdges(list, edges)];
}

/** Also of a list that is elsewhere. */
export function checkEdges(path: Path, edges: readonly Edge[]): Finding[] {
  const known = new Set<string>();
  return edges.flatMap(([from, to], index) => {
    const here = [...path, index];
    if (from === to) return [error(here, `${from} cannot dial itself`)];
    const pair = `${from} ${to}`;
    if (known.has(pair)) return [warning(here, `${from} is told to dial ${to} already`)];
    known.add(pair);
    return [];
  });
}

type Edge = readonly [string, string];
