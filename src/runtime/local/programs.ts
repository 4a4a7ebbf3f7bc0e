// From the program of a launch to something that can be executed on this host.
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { fail } from '../../errors.ts';
import { referenceNodeFlags } from '../../kinds/reference.ts';
import { systemPath } from '../fabric/kernel-commands.ts';

/** Where the bundled nodes are: `node:reference` is `bundles.reference`, run by this Node.js. */
export type Bundles = Readonly<Record<string, string>>;

/** Absolute argv. A name without a slash is looked up on PATH; PEERSTORM_<NAME> overrides it. */
export async function resolveProgram(
  argv: readonly [string, ...string[]],
  bundles: Bundles,
): Promise<readonly [string, ...string[]]> {
  const [program, ...rest] = argv;
  if (program.startsWith('node:')) {
    const bundle = bundles[program.slice('node:'.length)];
    if (bundle === undefined) throw fail('START_FAILED', `there is no bundled node "${program}"`);
    const flags = rest.findIndex((argument) => !argument.startsWith('--node-flag='));
    const split = flags === -1 ? rest.length : flags;
    const nodeFlags = rest.slice(0, split).map((flag) => flag.slice('--node-flag='.length));
    return [process.execPath, ...referenceNodeFlags, ...nodeFlags, bundle, ...rest.slice(split)];
  }
  return [await findProgram(program), ...rest];
}

/** A relative path starts in our working directory, which is that of whoever called Peerstorm. */
export async function findProgram(program: string): Promise<string> {
  const variable = `PEERSTORM_${program.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
  const wanted = process.env[variable] ?? program;
  const isPath = wanted.includes('/');
  const candidates = isPath
    ? [resolve(wanted)]
    : systemPath()
        .split(delimiter)
        .filter((folder) => isAbsolute(folder))
        .map((folder) => resolve(folder, wanted));
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  const looked = isPath ? `looked for ${candidates[0]}` : 'looked in PATH';
  throw fail(
    'CAPABILITY_MISSING',
    `the program "${wanted}" is not on this machine (${looked}; ${variable} can name another)`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() !== true) return false;
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
