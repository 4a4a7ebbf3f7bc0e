// Commands that show what runs: status, nodes, graph, logs, watch.
import { fail } from '../../errors.ts';
import type { Status } from '../../session/session.ts';
import type { ShownStatus } from '../../session/testnets.ts';
import {
  type Command,
  type Invocation,
  json,
  testnetArgument,
  testnetOption,
  textOf,
} from '../command.ts';
import { testnetsOf, whereOptions } from '../runtime-options.ts';
import { askedTestnet, chosenSession, selectTestnet } from '../select-testnet.ts';
import { renderGraph, renderNodes, renderStatus } from '../view/tables.ts';

const allByDefault = { description: 'one testnet; default: all that run' };

export const status: Command = {
  name: 'status',
  positional: [{ ...testnetArgument, ...allByDefault }],
  summary: 'Show what runs on this machine, or in a namespace of a cluster',
  options: [{ ...testnetOption, ...allByDefault }, json, ...whereOptions],
  examples: ['status', 'status split-and-heal --json', 'status --runtime kubernetes'],
  run: async (invocation) => {
    const { options, terminal } = invocation;
    const name = askedTestnet(invocation);
    const testnets = await testnetsOf(invocation);
    const names =
      name === undefined ? await testnets.names() : [await selectTestnet(testnets, name)];
    const all = await Promise.all(names.map((each) => testnets.status(each)));
    if (options['json'] === true) terminal.out(JSON.stringify(name === undefined ? all : all[0]));
    else if (all.length === 0) terminal.out('no testnet is running');
    else terminal.out(all.map(shown).join('\n'));
    return 0;
  },
};

export const nodes: Command = {
  name: 'nodes',
  positional: [testnetArgument],
  summary: 'List the nodes of a running testnet',
  options: [testnetOption, json, ...whereOptions],
  examples: ['nodes', 'nodes split-and-heal --json'],
  run: async (invocation) => {
    const session = await chosenSession(invocation, askedTestnet(invocation));
    const list = await session.nodes();
    show(invocation, list, () => renderNodes(list));
    return 0;
  },
};

export const graph: Command = {
  name: 'graph',
  positional: [testnetArgument],
  summary: 'Show the peer graph as observed now (live edges)',
  options: [
    testnetOption,
    json,
    {
      flags: '-o, --output <format>',
      description: 'form of the graph',
      choices: ['text', 'dot'],
      default: 'text',
    },
    ...whereOptions,
  ],
  examples: ['graph', 'graph -o dot | dot -Tsvg > graph.svg'],
  run: async (invocation) => {
    const session = await chosenSession(invocation, askedTestnet(invocation));
    const view = await session.graph();
    const form = textOf(invocation, 'output') === 'dot' ? 'dot' : 'text';
    show(invocation, view, () => renderGraph(view, form));
    return 0;
  },
};

export const logs: Command = {
  name: 'logs',
  positional: [{ name: '<node>', description: 'such as full-3' }],
  summary: 'Print the log of a node',
  options: [
    testnetOption,
    { flags: '-f, --follow', description: 'go on with new lines' },
    ...whereOptions,
  ],
  examples: ['logs full-3', 'logs -f miner-0'],
  run: async (invocation) => {
    const session = await chosenSession(invocation);
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    const follow = invocation.options['follow'] === true;
    const [node = ''] = invocation.positional;
    for await (const { text } of session.logs(node, { follow }, stop.signal)) {
      invocation.terminal.out(`${text}\n`);
    }
    return 0;
  },
};

export const exec: Command = {
  name: 'exec',
  positional: [
    { name: '<node>', description: 'such as full-3' },
    { name: '<command...>', description: 'program and arguments, after --' },
  ],
  summary: 'Run a command inside the network of a node, in its data directory (its pod)',
  options: [testnetOption, ...whereOptions],
  examples: ['exec full-3 -- ip -brief address', 'exec full-3 -- ping -c 3 10.64.0.1'],
  run: async (invocation) => {
    const [node = '', ...argv] = invocation.positional;
    const result = await (await chosenSession(invocation)).exec(node, argv);
    if (result.stdout !== '') invocation.terminal.out(result.stdout);
    if (result.stderr !== '') invocation.terminal.note(result.stderr);
    return result.exitCode;
  },
};

export const down: Command = {
  name: 'down',
  positional: [testnetArgument],
  summary: 'Stop a running testnet',
  options: [testnetOption, { flags: '--all', description: 'stop all of them' }, ...whereOptions],
  examples: ['down', 'down split-and-heal', 'down --all'],
  run: async (invocation) => {
    const { options, terminal } = invocation;
    const name = askedTestnet(invocation);
    if (options['all'] === true && name !== undefined) {
      throw fail('USAGE', 'give a name or --all, not both');
    }
    const testnets = await testnetsOf(invocation);
    const names =
      options['all'] === true ? await testnets.names() : [await selectTestnet(testnets, name)];
    for (const each of names) {
      await testnets.open(each).down();
      terminal.note(`${each} is down`);
    }
    return 0;
  },
};

function shown(status: ShownStatus): string {
  const { metricsUrl, pageUrl } = status;
  const text = isWhole(status) ? renderStatus(status) : `${status.testnet}  starting`;
  return [
    text.trimEnd(),
    ...(metricsUrl === undefined ? [] : [`  metrics ${metricsUrl}`]),
    ...(pageUrl === undefined ? [] : [`  page ${pageUrl}`]),
  ].join('\n');
}

function isWhole(status: ShownStatus): status is ShownStatus & Status {
  return status.nodes !== undefined;
}

function show(invocation: Invocation, value: unknown, render: () => string): void {
  invocation.terminal.out(invocation.options['json'] === true ? JSON.stringify(value) : render());
}
