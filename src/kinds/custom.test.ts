import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import { custom } from './custom.ts';
import type { LaunchContext } from './kind.ts';

const peer = (index: number) => ({
  name: nodeName('node', index),
  address: `10.64.0.${index}`,
  identity: String(index).repeat(64),
});

const minimal = { argv: ['program'], ready: { tcp: 80 } };
const parse = (config: object) => custom.config.parse({ ...minimal, ...config });
type Config = ReturnType<typeof parse>;

function context(config: object, more: Partial<LaunchContext<Config>> = {}): LaunchContext<Config> {
  return {
    ...peer(1),
    testnet: 'net',
    randomSeed: 42,
    group: 'node',
    index: 1,
    role: 'full',
    region: 'eu',
    dataDirectory: '/data',
    seeds: [peer(2), peer(3)],
    dials: [peer(3), peer(4)],
    config: parse(config),
    nodes: [],
    ...more,
  };
}

describe('templates', () => {
  test.each([
    ['{{name}}', 'node-1'],
    ['{{ address }}:80', '10.64.0.1:80'],
    ['{{index}} {{group}} {{region}} {{role}}', '1 node eu full'],
    ['{{dataDir}}/x', '/data/x'],
    ['{{testnet}}-{{randomSeed}}', 'net-42'],
    ['{{identity}}', '1'.repeat(64)],
    ['{{seeds}}', '10.64.0.2,10.64.0.3'],
    ['{{dials}}', '10.64.0.3,10.64.0.4'],
    ['{{both}}', 'node-3@10.64.0.3;node-4@10.64.0.4;node-2@10.64.0.2'],
    ['{{cluster}}', 'node-1=http://10.64.0.1,node-2=http://10.64.0.2,node-3=http://10.64.0.3'],
    ['$HOME {x} {{', '$HOME {x} {{'],
  ])('%s', (template, text) => {
    const config = {
      argv: ['program', template],
      env: { KEY: template },
      files: { 'etc/file': template },
      lists: {
        both: { of: 'both', each: '{{peer.name}}@{{peer.address}}', separator: ';' },
        cluster: { of: 'seeds', self: true, each: '{{peer.name}}=http://{{peer.address}}' },
      },
    };
    expect(custom.check?.(parse(config))).toEqual([]);
    expect(custom.launch(context(config))).toMatchObject({
      argv: ['program', text],
      env: { KEY: text },
      files: { 'etc/file': text },
    });
  });

  test('{{list...}} is one argument per peer, and none without peers', () => {
    const config = { argv: ['program', '{{seeds...}}', 'end'] };
    expect(custom.check?.(parse(config))).toEqual([]);
    expect(custom.launch(context(config)).argv).toEqual([
      'program',
      '10.64.0.2',
      '10.64.0.3',
      'end',
    ]);
    expect(custom.launch(context(config, { seeds: [] })).argv).toEqual(['program', 'end']);
  });

  test('what a peer is called stays as it is', () => {
    const odd = { ...peer(2), address: '{{name}} $& $1' };
    const { argv } = custom.launch(context({ argv: ['program', '{{seeds}}'] }, { seeds: [odd] }));
    expect(argv[1]).toBe('{{name}} $& $1');
  });
});

test.each<[object, (string | number)[]]>([
  [{ argv: ['program', '{{nmae}}'] }, ['argv', 1]],
  [{ argv: ['{{seeds...}}'] }, ['argv', 0]],
  [{ argv: ['program', '--x={{seeds...}}'] }, ['argv', 1]],
  [{ argv: ['program', '{{peer.name}}'] }, ['argv', 1]],
  [{ argv: ['program', '{{}}'] }, ['argv', 1]],
  [{ argv: ['program', '{{toString}}'] }, ['argv', 1]],
  [{ env: { A: '{{x}}' } }, ['env', 'A']],
  [{ files: { a: '{{x}}' } }, ['files', 'a']],
  [{ files: { '../a': '' } }, ['files', '../a']],
  [{ files: { '/a': '' } }, ['files', '/a']],
  [{ files: { 'a//b': '' } }, ['files', 'a//b']],
  [{ files: { 'a/..': '' } }, ['files', 'a/..']],
  [{ lists: { l: { each: '{{seeds}}' } } }, ['lists', 'l', 'each']],
  [{ lists: { name: {} } }, ['lists', 'name']],
  [{ ready: {} }, ['ready']],
  [{ ready: { tcp: 1, log: 'x' } }, ['ready']],
  [{ ready: { log: '(' } }, ['ready', 'log']],
  [{ ready: { log: '(?=x)' } }, ['ready', 'log']],
  [{ ready: { command: ['x', '{{seeds}}'] } }, ['ready', 'command', 1]],
])('%j is refused at its place', (config, path) => {
  expect(custom.check?.(parse(config)).map((problem) => problem.path)).toEqual([path]);
});

test.each([
  { argv: [] },
  { argv: 'program -x' },
  { env: { 'A B': '' } },
  { ready: { tcp: 0 } },
  { observe: { json: [{ port: 1, tip: 'head' }] } },
  { observe: { json: [{ port: 1, metrics: { 'a b': '/a' } }] } },
  { observe: { prometheus: [{ port: 1, metrics: ['a{x="1"}'] }] } },
  { stop: { signal: 'SIGSTOP' } },
  { stop: { grace: 10 } },
  { protocol: 'Raft!' },
  { unknown: 1 },
])('%j is no config', (config) => {
  expect(custom.config.safeParse({ ...minimal, ...config }).success).toBe(false);
});

test.each([
  [{ tcp: 80 }, { type: 'request', request: { type: 'tcp', port: 80 } }],
  [{ http: { port: 80 } }, { type: 'request', request: { type: 'http', port: 80, path: '/' } }],
  [{ log: '^up' }, { type: 'log', matches: '^up' }],
  [{ command: ['ask', '{{address}}'] }, { type: 'command', argv: ['ask', '10.64.0.1'] }],
])('ready %j', (ready, expected) => {
  const whom = context({ ready });
  expect(custom.ready(whom.config, whom)).toEqual(expected);
});

test('checked config stays itself when checked again', () => {
  const config = parse({
    lists: { l: {} },
    observe: { json: [{ port: 1, peers: { list: '/p' } }] },
  });
  expect(custom.config.parse(config)).toEqual(config);
});

const read = (observe: object, bodies: readonly string[], status = 200) => {
  const config = parse({ observe });
  const replies = bodies.map((body) => ({ status, body }));
  expect(custom.observe(config, { config, node: peer(1), previous: undefined })).toHaveLength(
    bodies.length,
  );
  return custom.read(replies, { config, node: peer(1), previous: undefined });
};
const json = (request: object, document: unknown) =>
  read({ json: [{ port: 1, ...request }] }, [JSON.stringify(document)]);
const recorded = (name: string) =>
  readFileSync(new URL(`./recorded/${name}`, import.meta.url), 'utf8');

describe('observation', () => {
  test('a real program, JSON and Prometheus together', () => {
    const config = {
      json: [{ port: 1, peers: { list: '/cluster/peers', address: '/address' } }],
      prometheus: [{ port: 1, metrics: ['alertmanager_cluster_members', 'alertmanager_alerts'] }],
    };
    const bodies = ['alertmanager-status.json', 'alertmanager-metrics.txt'].map(recorded);
    const { peers, metrics } = read(config, bodies);
    expect(peers).toHaveLength(3);
    expect(peers[0]).toEqual({
      address: expect.stringMatching(/^127\.8\./),
      direction: 'outbound',
    });
    expect(metrics).toEqual({
      alertmanager_cluster_members: 3,
      alertmanager_alerts: 0,
      'alertmanager_alerts{state="active"}': 0,
      'alertmanager_alerts{state="suppressed"}': 0,
      'alertmanager_alerts{state="unprocessed"}': 0,
    });
  });

  test('peers: direction, a filter, an object for a list, the node itself left out', () => {
    const peers = {
      list: '/p',
      address: '/at',
      inbound: { at: '/dir', is: 'in' },
      where: { at: '/up', is: true },
    };
    const observed = json(
      { peers },
      {
        p: {
          a: { at: '10.0.0.2:1', dir: 'in', up: true },
          b: { at: '10.0.0.3:1', dir: 'out', up: true },
          c: { at: '10.0.0.4:1', dir: 'out', up: false },
          self: { at: '10.64.0.1:1', dir: 'out', up: true },
        },
      },
    );
    expect(observed.peers).toEqual([
      { address: '10.0.0.2', direction: 'inbound' },
      { address: '10.0.0.3', direction: 'outbound' },
    ]);
  });

  test.each([{ p: null }, {}, { p: [] }])('no peers: %j', (document) => {
    expect(json({ peers: { list: '/p' } }, document).peers).toEqual([]);
  });

  test('height and tip, as number or text', () => {
    const request = { height: '/h', tip: '/t' };
    expect(json(request, { h: '12', t: 'abc' })).toMatchObject({ height: 12, tip: 'abc' });
    expect(json(request, { h: 12, t: 7 })).toMatchObject({ height: 12, tip: '7' });
    expect(json(request, { h: null })).not.toHaveProperty('tip');
    expect(json(request, { h: 'soon' })).not.toHaveProperty('height');
  });

  test('numbers for expectations', () => {
    const metrics = { yes: '/yes', many: '/many', text: '/text', none: '/none', word: '/word' };
    const document = { yes: true, many: [1, 2], text: ' 1.5', word: 'x' };
    expect(json({ metrics }, document).metrics).toEqual({ yes: 1, many: 2, text: 1.5 });
  });

  test('Prometheus: peers by label, sums of series, no infinities', () => {
    const prometheus = [
      { port: 1, peers: { metric: 'peer', address: 'at' }, height: 'height', metrics: ['n', 'm'] },
    ];
    const text = `peer{at="10.0.0.2:1"} 1
peer{at="10.0.0.3:1"} 0
height{chain="a"} 7
n{x="1"} 2
n{x="2"} 3
m +Inf
`;
    expect(read({ prometheus }, [text])).toEqual({
      peers: [{ address: '10.0.0.2', direction: 'outbound' }],
      height: 7,
      metrics: { n: 5, 'n{x="1"}': 2, 'n{x="2"}': 3 },
    });
  });

  test('the first request that knows the height says it', () => {
    const observe = {
      json: [
        { port: 1, height: '/a' },
        { port: 1, height: '/b' },
      ],
    };
    expect(read(observe, ['{"a":1,"b":2}', '{"a":1,"b":2}']).height).toBe(1);
    expect(read(observe, ['{}', '{"b":2}']).height).toBe(2);
  });

  test.each([
    [{ json: [{ port: 1 }] }, 'no json', 200],
    [{ json: [{ port: 1 }] }, '{}', 503],
    [{ json: [{ port: 1, peers: { list: '/p' } }] }, '{"p":3}', 200],
    [{ json: [{ port: 1, peers: { list: '/p' } }] }, '{"p":["somebody"]}', 200],
    [{ prometheus: [{ port: 1 }] }, '<html>', 200],
  ])('%j does not understand %s (%i)', (observe, body, status) => {
    expect(() => read(observe, [body], status)).toThrow();
  });

  test('unobserved: nothing is asked', () => {
    expect(read({}, [])).toEqual({ peers: [], metrics: {} });
  });
});
