// Starts the bundled node. Compiling it is a third of the work of a node from its start to its
// eighth peer, and the same work each time; so a first run leaves the compiled code beside the
// program (`--prepare`), and the others take it from there. It fits one program and one Node.js,
// which are in its name; where it is missing, or V8 refuses it, a node only starts slower.
// This file is bundled by itself, as main.js; the folder it lies in is what `node` is started with.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import type * as program from './main.ts';

/** File name of the program, which has a hash of it; put in by the bundler. */
declare const PROGRAM: string;

const file = join(import.meta.dirname, PROGRAM);
const compiled = `${file}.${process.version}-${process.arch}.cache`;

const script = new Script(readFileSync(file, 'latin1'), {
  filename: file,
  ...read(compiled),
});
const { main, rehearse } = evaluate();

if (process.argv[2] === '--prepare') prepare().catch(unprepared);
else void main();

type Program = Pick<typeof program, 'main' | 'rehearse'>;
type Wrapped = (require: NodeJS.Require, module: { exports?: Program }) => void;

function evaluate(): Program {
  const wrapped: Wrapped = script.runInThisContext();
  const module: { exports?: Program } = {};
  wrapped(createRequire(file), module);
  if (module.exports === undefined) throw new TypeError(`${file} is not the program`);
  return module.exports;
}

function read(path: string): { readonly cachedData?: Buffer } {
  try {
    return { cachedData: readFileSync(path) };
  } catch {
    return {};
  }
}

/** After a short life together with a second node: V8 compiles functions when they are called. */
async function prepare(): Promise<void> {
  await rehearse();
  const fresh = `${compiled}.${process.pid}`;
  writeFileSync(fresh, script.createCachedData());
  renameSync(fresh, compiled);
  process.exit(0);
}

/** Uncaught, it would come with a line of the program, which is all of it. */
function unprepared(error: unknown): void {
  console.error(error);
  process.exit(1);
}
