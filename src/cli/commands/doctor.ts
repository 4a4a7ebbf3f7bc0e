// What this machine can do, found out by doing it.

import { localCapabilities } from '../../runtime/local/capabilities.ts';
import { findProgram } from '../../runtime/local/programs.ts';
import { type Command, json } from '../command.ts';
import { versions } from '../version.ts';
import { renderDoctor } from '../view/tables.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Show what this machine can do, and what brings the rest',
  options: [json],
  examples: ['doctor', 'doctor --json'],
  run: async ({ options, terminal }) => {
    const capabilities = [...(await localCapabilities())];
    for (const program of ['bitcoind']) {
      const found = await findProgram(program).catch(() => undefined);
      capabilities.push({
        host: 'localhost',
        feature: 'binary',
        ok: found !== undefined,
        reason: found ?? `${program} is not on PATH (only for nodes of kind ${program})`,
        ...(found === undefined ? { fix: `install it, or set config.binary` } : {}),
      });
    }
    const found = await versions();
    if (options['json'] === true) terminal.out(JSON.stringify({ versions: found, capabilities }));
    else terminal.out(renderDoctor(capabilities, found));
    const needed = new Set(['namespaces', 'nft', 'htb']);
    return capabilities.every(({ feature, ok }) => ok || !needed.has(feature)) ? 0 : 3;
  },
};
