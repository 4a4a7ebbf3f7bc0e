// The table of commands.
import type { Command } from './command.ts';
import { agent } from './commands/agent.ts';
import { controller } from './commands/controller.ts';
import { doctor } from './commands/doctor.ts';
import { faultApply, faultClear, faultList } from './commands/faults.ts';
import { down, exec, graph, logs, nodes, status } from './commands/listings.ts';
import { test, up } from './commands/run.ts';
import { init, plan, schema, validate } from './commands/spec.ts';
import { watch } from './commands/watch.ts';

export const commands: readonly Command[] = [
  doctor,
  init,
  validate,
  plan,
  schema,
  test,
  up,
  status,
  nodes,
  graph,
  logs,
  exec,
  watch,
  faultApply,
  faultList,
  faultClear,
  down,
  controller,
  agent,
];

/** What commands of two words have in common, by their first word. */
export const families: Readonly<Record<string, string>> = {
  fault: 'Add, list and end faults of a running testnet',
};
