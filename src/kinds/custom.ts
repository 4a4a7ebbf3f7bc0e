// The kind `custom`: any program, from YAML alone. Command line, environment and files are
// templates; peers come as lists, each written by a template of its own. It is ready when a port,
// an HTTP path, a line of its log or a command says so, and is observed by HTTP: JSON by JSON
// Pointer, or Prometheus metrics by name. A template that names nothing is an error of the spec.
import { RE2JS } from 're2js';
import { z } from 'zod';
import { fail, messageOf } from '../errors.ts';
import type { Observation } from '../network/observation.ts';
import { grammars, quantity } from '../quantities/quantities.ts';
import { jsonObservation, observeJson } from './custom-json.ts';
import { observePrometheus, prometheusObservation } from './custom-prometheus.ts';
import type {
  Kind,
  Launch,
  LaunchContext,
  NodeRequest,
  PeerReference,
  Problem,
  Readiness,
} from './kind.ts';
import { fill, namesIn } from './template.ts';

const port = z.int().min(1).max(65_535);
const text = z.string().max(4096);
const identifier = z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,31}$/, 'letters and digits');

const list = z
  .strictObject({
    of: z
      .enum(['seeds', 'dials', 'both'])
      .default('both')
      .describe('Whom: the seed list, the dials of the topology, or both without doubles.'),
    self: z.boolean().default(false).describe('With the node itself, first.'),
    each: text.default('{{peer.address}}').describe('The template of one peer.'),
    separator: z.string().max(16).default(',').describe('Between the peers.'),
  })
  .describe('Peers as text.');

const ready = z
  .strictObject({
    tcp: port.optional().describe('This port accepts a connection.'),
    http: z
      .strictObject({ port, path: text.default('/') })
      .optional()
      .describe('This path answers with a status of 2xx.'),
    log: z.string().min(1).max(500).optional().describe('A line of output matches (RE2 syntax).'),
    command: z.array(text).min(1).max(256).optional().describe('This program ends with status 0.'),
  })
  .describe('When the node is ready: exactly one of tcp, http, log, command.');

const config = z
  .strictObject({
    protocol: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,23}$/, 'lower-case letters, digits and -')
      .default('custom')
      .describe('What the nodes speak: all groups of one testnet speak the same.'),
    argv: z.array(text).min(1).max(256).describe('Program and arguments; no shell is involved.'),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of a variable'), text)
      .default({})
      .describe('Environment variables.'),
    files: z
      .record(z.string().min(1).max(255), z.string().max(65_536))
      .default({})
      .describe('Files to write before the start, by path inside the data directory.'),
    lists: z
      .record(identifier, list)
      .default({})
      .describe(
        'Lists of peers for the templates, by name. `seeds` and `dials` are there already.',
      ),
    ready,
    observe: z
      .strictObject({
        json: z.array(observeJson).max(8).default([]),
        prometheus: z.array(observePrometheus).max(8).default([]),
      })
      .default({ json: [], prometheus: [] })
      .describe('What to ask of a node once a sample; without it nodes are not observed.'),
    stop: z
      .strictObject({
        signal: z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGKILL']).default('SIGTERM'),
        grace: z
          .string()
          .regex(grammars.duration.pattern, `a duration such as ${grammars.duration.examples}`)
          .default('10s')
          .describe('Killed when it has not ended by then.'),
      })
      .default({ signal: 'SIGTERM', grace: '10s' })
      .describe('How to end it.'),
  })
  .describe(
    'Any program. `argv`, `env`, `files`, `lists.*.each` and `ready.command` are templates.',
  );

export type CustomConfig = z.output<typeof config>;

/** What single values a template can name, with what they mean. */
const templateNames = {
  name: 'name of the node',
  address: 'its IPv4 address (on Kubernetes not in `files`: it is known at the start only)',
  index: 'its index in the group',
  group: 'its group',
  region: 'its region, empty without regions',
  role: 'its role',
  identity: '64 hex digits of its own, the same for the same randomSeed',
  dataDir: 'the folder that it may write to',
  testnet: 'name of the testnet',
  randomSeed: 'randomSeed of the testnet',
} as const;

export const custom: Kind<CustomConfig> = {
  name: 'custom',
  protocol: ({ protocol }) => protocol,
  roles: ['full', 'light', 'miner', 'adversary'],
  config,
  needsRoutable: false,
  notes: notes(),
  check: (config) => [
    ...templateProblems(config),
    ...fileProblems(config),
    ...readyProblems(config),
  ],
  programs: ({ argv: [program = ''] }) => (program.includes('{{') ? [] : [program]),
  launch,
  ready: ({ ready }, context) => readiness(ready, context),
  observe: ({ observe }) => [...observe.json, ...observe.prometheus].map(requestTo),
  expositions: ({ observe }) => observe.prometheus.map(requestTo),
  read: (replies, { config, node }) => {
    const { json, prometheus } = config.observe;
    const bodies = replies.map(({ status, body }) => {
      if (status < 200 || status > 299) {
        throw fail('NODE_UNREADABLE', `the node answered with HTTP status ${status}`);
      }
      return body;
    });
    const parts = [
      ...json.map((request, i) => jsonObservation(request, bodies[i] ?? '')),
      ...prometheus.map((request, i) =>
        prometheusObservation(request, bodies[json.length + i] ?? ''),
      ),
    ];
    return merged(parts, node);
  },
};

function requestTo({ port, path }: { readonly port: number; readonly path: string }): NodeRequest {
  return { type: 'http', port, path };
}

const peerNames = ['peer.name', 'peer.address', 'peer.identity'] as const;

function notes(): string {
  const names = Object.entries(templateNames).map(
    ([name, what]) => `| \`{{${name}}}\` | ${what} |`,
  );
  return `In templates:

| name | stands for |
|---|---|
${names.join('\n')}
| \`{{seeds}}\`, \`{{dials}}\`, \`{{<list>}}\` | a list, joined by its separator (not in \`ready.command\`) |
| \`{{<list>...}}\` | one argument per peer; alone in an element of \`argv\` |
| \`{{peer.name}}\`, \`{{peer.address}}\`, \`{{peer.identity}}\` | the peer; in \`lists.*.each\` only |

[examples/custom.yaml](../examples/custom.yaml) runs a program from Debian this way.
`;
}

function valuesOf(
  context: LaunchContext<CustomConfig>,
): Record<keyof typeof templateNames, string> {
  const { name, group, region, role, identity, testnet } = context;
  const address = context.ownAddress ?? context.address;
  return {
    name,
    address,
    group,
    region,
    role,
    identity,
    testnet,
    index: String(context.index),
    dataDir: context.dataDirectory,
    randomSeed: String(context.randomSeed),
  };
}

function listsOf({ lists }: CustomConfig): Readonly<Record<string, z.output<typeof list>>> {
  return { seeds: list.parse({ of: 'seeds' }), dials: list.parse({ of: 'dials' }), ...lists };
}

function launch(context: LaunchContext<CustomConfig>): Launch {
  const { config } = context;
  const values = valuesOf(context);
  const lists = Object.entries(listsOf(config)).map(([name, of]) => ({
    name,
    separator: of.separator,
    items: peersOf(context, of).map((peer) =>
      fill(of.each, {
        ...values,
        'peer.name': peer.name,
        'peer.address': peer.address,
        'peer.identity': peer.identity,
      }),
    ),
  }));
  const joined = lists.map(({ name, items, separator }) => [name, items.join(separator)]);
  const all: Readonly<Record<string, string>> = { ...values, ...Object.fromEntries(joined) };
  const written = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, fill(text, all)]));
  const [program = '', ...rest] = config.argv.flatMap(
    (argument) => lists.find(({ name }) => argument === spread(name))?.items ?? fill(argument, all),
  );
  return {
    argv: [program, ...rest],
    env: written(config.env),
    files: written(config.files),
    stop: {
      signal: config.stop.signal,
      graceSeconds: quantity('duration', config.stop.grace) / 1000,
    },
  };
}

/** An argument that stands for one argument per peer. */
function spread(name: string): string {
  return `{{${name}...}}`;
}

function peersOf(
  context: LaunchContext<CustomConfig>,
  { of, self }: z.output<typeof list>,
): readonly PeerReference[] {
  const { seeds, dials } = context;
  const peers = { seeds, dials, both: [...dials, ...seeds] }[of];
  const all = self ? [context, ...peers] : peers.filter(({ name }) => name !== context.name);
  return [...new Map(all.map((peer) => [peer.name, peer])).values()];
}

function readiness(
  { tcp, http, log, command }: z.output<typeof ready>,
  context: LaunchContext<CustomConfig>,
): Readiness {
  if (tcp !== undefined) return { type: 'request', request: { type: 'tcp', port: tcp } };
  if (http !== undefined) return { type: 'request', request: { type: 'http', ...http } };
  if (log !== undefined) return { type: 'log', matches: log };
  // Who runs it replaces nothing in it.
  const values = { ...valuesOf(context), address: context.address };
  return { type: 'command', argv: (command ?? []).map((word) => fill(word, values)) };
}

function templateProblems(config: CustomConfig): readonly Problem[] {
  const single = Object.keys(templateNames);
  const lists = Object.keys(listsOf(config));
  const anywhere = [...single, ...lists];
  return [
    ...config.argv.flatMap((text, i) =>
      lists.some((name) => i > 0 && text === spread(name))
        ? []
        : unknownNames(['argv', i], text, anywhere),
    ),
    ...(['env', 'files'] as const).flatMap((field) =>
      Object.entries(config[field]).flatMap(([key, text]) =>
        unknownNames([field, key], text, anywhere),
      ),
    ),
    ...(config.ready.command ?? []).flatMap((text, i) =>
      unknownNames(['ready', 'command', i], text, single),
    ),
    ...Object.entries(config.lists).flatMap(([name, { each }]) => [
      ...unknownNames(['lists', name, 'each'], each, [...peerNames, ...single]),
      ...(single.includes(name)
        ? [{ path: ['lists', name], message: `${name} means something else already` }]
        : []),
    ]),
  ];
}

function unknownNames(
  path: Problem['path'],
  text: string,
  known: readonly string[],
): readonly Problem[] {
  return namesIn(text)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path,
      message: `{{${name}}} stands for nothing here; known: ${known.join(', ')}`,
    }));
}

function fileProblems({ files }: CustomConfig): readonly Problem[] {
  return Object.keys(files)
    .filter(
      (path) => path.startsWith('/') || path.split('/').some((part) => /^\.{0,2}$/.test(part)),
    )
    .map((path) => ({
      path: ['files', path],
      message: 'the path must stay inside the data directory, such as etc/node.conf',
    }));
}

function readyProblems({ ready }: CustomConfig): readonly Problem[] {
  const given = Object.keys(ready);
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none' : given.join(' and ');
    return [{ path: ['ready'], message: `exactly one of tcp, http, log, command; got ${got}` }];
  }
  if (ready.log === undefined) return [];
  try {
    RE2JS.compile(ready.log);
    return [];
  } catch (error) {
    return [{ path: ['ready', 'log'], message: messageOf(error) }];
  }
}

/** The first part that knows a thing says it; peers and metrics come together. */
function merged(parts: readonly Partial<Observation>[], node: PeerReference): Observation {
  const first = parts.toReversed().reduce((all, part) => ({ ...all, ...part }), {});
  return {
    ...first,
    // Some programs list themselves.
    peers: parts
      .flatMap(({ peers }) => peers ?? [])
      .filter(({ address }) => address !== node.address),
    metrics: Object.fromEntries(
      parts.flatMap(({ metrics }) => Object.entries(metrics ?? {})).slice(0, metricsMax),
    ),
  };
}

const metricsMax = 500;
