// Commands about spec files, which start nothing: init, validate, plan, schema.
import { writeFile } from 'node:fs/promises';
import { fail } from '../../errors.ts';
import { kinds } from '../../kinds/index.ts';
import { type PlanFormat, renderPlan } from '../../plan/render.ts';
import { statisticsOf } from '../../plan/statistics.ts';
import { planSummary } from '../../plan/summary.ts';
import { plural } from '../../report/format.ts';
import { localCapabilities } from '../../runtime/local/capabilities.ts';
import { missingHere } from '../../runtime/local/preflight.ts';
import { documentSchema } from '../../spec/json-schema.ts';
import { type Command, textOf } from '../command.ts';
import { leaveConfigMap } from '../edge-files.ts';
import { loadSpec } from '../load-spec.ts';
import { starter } from '../starter.ts';

const specArgument = { name: '<spec>', description: 'a YAML file, or - for standard input' };

export const init: Command = {
  name: 'init',
  positional: [{ name: '[file]', description: 'default: testnet.yaml' }],
  summary: 'Write a small spec to start from',
  examples: ['init', 'init my-net.yaml'],
  run: async ({ positional: [file = 'testnet.yaml'], terminal }) => {
    await writeFile(file, starter, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw fail('USAGE', `${file} exists already; it is kept`);
      throw fail('USAGE', `cannot write ${file}: ${error.message}`);
    });
    terminal.note(`wrote ${file}; next: peerstorm test ${file}`);
    return 0;
  },
};

export const validate: Command = {
  name: 'validate',
  positional: [specArgument],
  summary: 'Check a spec and show all its problems at once',
  options: [
    {
      flags: '-r, --runtime <runtime>',
      description: 'also check that this machine has what the spec needs',
      choices: ['local', 'memory'],
    },
  ],
  examples: ['validate testnet.yaml', 'validate testnet.yaml --runtime local'],
  run: async (invocation) => {
    const [file = '-'] = invocation.positional;
    const { terminal } = invocation;
    const loaded = await loadSpec(file, terminal, { readConfigMap: leaveConfigMap });
    if (loaded === undefined) return 2;
    if (textOf(invocation, 'runtime') === 'local') {
      const missing = await missingHere(loaded.plan, {
        kinds,
        capabilities: await localCapabilities(),
      });
      for (const line of missing) terminal.note(`error: ${line}`);
      if (missing.length > 0) return 3;
    }
    const { nodes, faults, expectations } = loaded.plan;
    const parts = [
      plural(nodes.length, 'node'),
      plural(faults.length, 'fault'),
      plural(expectations.length, 'expectation'),
    ];
    terminal.out(`${file}: ok (${parts.join(', ')})`);
    return 0;
  },
};

export const plan: Command = {
  name: 'plan',
  positional: [specArgument],
  summary: 'Print everything that is decided before anything starts',
  options: [
    {
      flags: '-o, --output <format>',
      description: 'whole plan as yaml or json, the topology as dot; default: a summary',
      choices: ['summary', 'yaml', 'json', 'dot'],
      default: 'summary',
    },
  ],
  examples: ['plan testnet.yaml', 'plan testnet.yaml -o json', 'plan t.yaml -o dot | dot -Tsvg'],
  run: async (invocation) => {
    const loaded = await loadSpec(invocation.positional[0] ?? '-', invocation.terminal);
    if (loaded === undefined) return 2;
    const format = textOf(invocation, 'output') as 'summary' | PlanFormat;
    const { plan } = loaded;
    const summary = () => planSummary(plan, statisticsOf(plan)).join('\n');
    invocation.terminal.out(format === 'summary' ? summary() : renderPlan(plan, format));
    return 0;
  },
};

export const schema: Command = {
  name: 'schema',
  positional: [{ name: '[kind]', description: 'testnet (default) or fault' }],
  summary: 'Print the JSON Schema of a spec, for editors',
  examples: ['schema > testnet.schema.json', 'schema fault > fault.schema.json'],
  run: async ({ positional: [kind = 'testnet'], terminal }) => {
    if (kind !== 'testnet' && kind !== 'fault') {
      throw fail('USAGE', `there is a schema of testnet and of fault, got "${kind}"`);
    }
    const document = kind === 'fault' ? 'Fault' : 'Testnet';
    terminal.out(JSON.stringify(documentSchema(document), undefined, 2));
    return 0;
  },
};
