// Faults on a running testnet: fault apply, fault list, fault clear.
import { fail, PeerstormError } from '../../errors.ts';
import { parseFault } from '../../spec/parse.ts';
import {
  type Finding,
  findingSaid,
  formatProblems,
  type SpecProblem,
} from '../../spec/problems.ts';
import { type Command, json, testnetArgument, testnetOption, textOf } from '../command.ts';
import { readSpecFile } from '../load-spec.ts';
import { testnetsOf, whereOptions } from '../runtime-options.ts';
import { askedTestnet, chosenSession, selectTestnet } from '../select-testnet.ts';
import { renderFaults } from '../view/tables.ts';

export const faultApply: Command = {
  name: 'fault apply',
  positional: [
    { name: '<file>', description: 'a `kind: Fault` document, or - for standard input' },
  ],
  summary: 'Add a fault to a running testnet',
  options: [testnetOption, ...whereOptions],
  examples: ['fault apply cut.yaml', 'fault apply - < cut.yaml'],
  run: async (invocation) => {
    const [file = '-'] = invocation.positional;
    const { terminal } = invocation;
    const text = await readSpecFile(file);
    const { spec, problems, locate } = parseFault(text, file === '-' ? '<stdin>' : file);
    const show = (found: readonly SpecProblem[]) => {
      if (found.length > 0) terminal.note(formatProblems(found, { text, color: terminal.color }));
    };
    const place = (lines: readonly string[], severity: Finding['severity']) =>
      lines.map((line) => locate(findingSaid(line, severity)));
    show(problems);
    if (spec === undefined) return 2;
    const wanted = textOf(invocation, 'testnet');
    if (wanted !== undefined && wanted !== spec.spec.testnet) {
      throw fail('USAGE', `the fault is for ${spec.spec.testnet}, -n says ${wanted}`);
    }
    const testnets = await testnetsOf(invocation, spec.metadata);
    const session = testnets.open(await selectTestnet(testnets, spec.spec.testnet));
    try {
      const fault = await session.applyFault(spec);
      show(place(fault.warnings, 'warning'));
      terminal.note(`fault ${fault.name} is accepted`);
      return 0;
    } catch (error) {
      // Only the testnet knows its groups, nodes and faults.
      if (!(error instanceof PeerstormError) || error.code !== 'SPEC_INVALID') throw error;
      show(place(error.message.split('\n'), 'error'));
      return 2;
    }
  },
};

export const faultList: Command = {
  name: 'fault list',
  positional: [testnetArgument],
  summary: 'List the faults of a running testnet',
  options: [testnetOption, json, ...whereOptions],
  examples: ['fault list', 'fault list split-and-heal --json'],
  run: async (invocation) => {
    const session = await chosenSession(invocation, askedTestnet(invocation));
    const faults = await session.faults();
    const asJson = invocation.options['json'] === true;
    invocation.terminal.out(asJson ? JSON.stringify(faults) : renderFaults(faults));
    return 0;
  },
};

export const faultClear: Command = {
  name: 'fault clear',
  positional: [{ name: '[fault]', description: 'default: all that are planned or active' }],
  summary: 'End faults of a running testnet',
  options: [testnetOption, ...whereOptions],
  examples: ['fault clear cut', 'fault clear'],
  run: async (invocation) => {
    const session = await chosenSession(invocation);
    const cleared = await session.clearFaults(invocation.positional[0]);
    invocation.terminal.note(
      cleared.length === 0 ? 'no fault was active or planned' : `cleared ${cleared.join(', ')}`,
    );
    return 0;
  },
};
