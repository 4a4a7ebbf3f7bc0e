// From a spec file to a plan, or to all of its problems on stderr and exit status 2.
import { fail, messageOf } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { Plan } from '../plan/plan.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import { checkForKubernetes } from '../spec/check-kubernetes.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import { parseSpec } from '../spec/parse.ts';
import { formatProblems } from '../spec/problems.ts';
import type { Testnet } from '../spec/schema.ts';
import { readYaml } from '../spec/yaml.ts';
import { edgesOf, type ReadConfigMap, refuseConfigMap } from './edge-files.ts';
import { readText } from './read-text.ts';
import type { RuntimeName } from './runtime-options.ts';
import type { Terminal } from './terminal.ts';

export type Loaded = {
  readonly spec: Testnet;
  /** As it was written: what the spec is for an API server. */
  readonly document: unknown;
  readonly plan: Plan;
  /** Of a spec that has its edges elsewhere. */
  readonly edges?: EdgeList;
  readonly text: string;
  readonly file: string;
};

export type Loading = {
  readonly runtime?: RuntimeName;
  /** By default it is refused: a command that starts nothing has no cluster. */
  readonly readConfigMap?: ReadConfigMap;
};

const mostBytes = 2 ** 20;

export async function readSpecFile(file: string): Promise<string> {
  try {
    return await readText(file === '-' ? '/dev/stdin' : file, mostBytes);
  } catch (error) {
    throw fail('SPEC_UNREADABLE', `cannot read ${file}: ${messageOf(error)}`, error);
  }
}

/** Undefined when there are errors; these and warnings have been shown then. */
export async function loadSpec(
  file: string,
  terminal: Terminal,
  { runtime, readConfigMap = refuseConfigMap }: Loading = {},
): Promise<Loaded | undefined> {
  const text = await readSpecFile(file);
  const document = readYaml(text).value;
  const edges = await edgesOf(document, { file, readConfigMap });
  const shown = file === '-' ? '<stdin>' : file;
  let plan: Plan | undefined;
  const check = (spec: Testnet) => {
    const planned = planTestnet(spec, kinds, edges);
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
    return { spec, plan, text, file, document, ...(edges === undefined ? {} : { edges }) };
  }
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  terminal.note(`${shown}: ${errors} ${errors === 1 ? 'error' : 'errors'}, nothing was started`);
  return undefined;
}
