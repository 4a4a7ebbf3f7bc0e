// From a spec file to a plan, or to all of its problems on stderr and exit status 2.
import { createReadStream } from 'node:fs';
import { fail, messageOf } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { Plan } from '../plan/plan.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import { checkForKubernetes } from '../spec/check-kubernetes.ts';
import { parseSpec } from '../spec/parse.ts';
import { formatProblems } from '../spec/problems.ts';
import type { Testnet } from '../spec/schema.ts';
import { readYaml } from '../spec/yaml.ts';
import type { RuntimeName } from './runtime-options.ts';
import type { Terminal } from './terminal.ts';

export type Loaded = {
  readonly spec: Testnet;
  /** As it was written: what the spec is for an API server. */
  readonly document: unknown;
  readonly plan: Plan;
  readonly text: string;
  readonly file: string;
};

const mostBytes = 2 ** 20 + 1024;

export async function readSpecFile(file: string): Promise<string> {
  try {
    const path = file === '-' ? '/dev/stdin' : file;
    const chunks: Buffer[] = [];
    // A little more than is allowed, for the parser to refuse.
    for await (const chunk of createReadStream(path, { end: mostBytes })) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    throw fail('SPEC_UNREADABLE', `cannot read ${file}: ${messageOf(error)}`, error);
  }
}

/** Undefined when there are errors; these and warnings have been shown then. */
export async function loadSpec(
  file: string,
  terminal: Terminal,
  runtime?: RuntimeName,
): Promise<Loaded | undefined> {
  const text = await readSpecFile(file);
  const shown = file === '-' ? '<stdin>' : file;
  let plan: Plan | undefined;
  const check = (spec: Testnet) => {
    const planned = planTestnet(spec, kinds);
    plan = planned.plan;
    return runtime === 'kubernetes'
      ? [...checkForKubernetes(spec), ...planned.problems]
      : planned.problems;
  };
  const { spec, problems } = parseSpec(text, shown, check);
  if (problems.length > 0) {
    terminal.note(formatProblems(problems, { text, color: terminal.color }));
  }
  if (spec !== undefined && plan !== undefined) {
    return { spec, plan, text, file, document: readYaml(text).value };
  }
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  terminal.note(`${shown}: ${errors} ${errors === 1 ? 'error' : 'errors'}, nothing was started`);
  return undefined;
}
