// Documents say what is so: commands and options in them exist, links lead somewhere, every spec in
// them is valid, no dependency is without its reason, and no example is hidden.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Command } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands.ts';
import { kinds } from '../src/kinds/index.ts';
import { planTestnet } from '../src/plan/plan-testnet.ts';
import { parseFault, parseSpec } from '../src/spec/parse.ts';
import type { Testnet } from '../src/spec/schema.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const permissive = /\b(?:0BSD|Apache-2\.0|BSD-[23]-Clause|ISC|Unlicense|PSF-2.0|MIT)\b/;

type Fence = { readonly place: string; readonly language: string; readonly text: string };

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function documents(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (/^(?:\.|node_modules|dist|peerstorm-reports)/.test(entry.name)) return [];
    if (entry.isDirectory()) return documents(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const pages = documents('.');

function fences(path: string): Fence[] {
  const text = read(path);
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    place: `${path}:${text.slice(0, match.index).split('\n').length}`,
    language: match[1] ?? '',
    text: match[2] ?? '',
  }));
}

const allFences = pages.flatMap(fences);

/** Command lines of Peerstorm: in fences at the start of a line, in text between backticks. */
function commandLines(path: string): string[] {
  const text = read(path);
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const inFences = fences(path)
    .filter(({ language }) => language === 'sh')
    .flatMap((fence) => fence.text.split('\n'));
  const inProse = [...prose.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  return [...inFences, ...inProse].flatMap((line) => {
    const found = /^(?:\$ )?(?:bin\/)?peerstorm ([^#|<>]*)/.exec(line);
    return found?.[1] === undefined ? [] : [found[1].trim()];
  });
}

/** What is wrong with the words after `peerstorm`; nothing if they are well. */
function problemOf(line: string): string | undefined {
  const words = line.split(/\s+/);
  if (/^--?\w/.test(words[0] ?? '')) {
    return ['--version', '--help', '-V', '-h'].includes(words[0] ?? '') ? undefined : 'no option';
  }
  const command = commandOf(words);
  if (command === undefined) return 'no command';
  const end = words.indexOf('--');
  const options = words
    .slice(0, end === -1 ? undefined : end)
    .flatMap((word) => /^(--[\w-]+|-\w)/.exec(word)?.[1] ?? []);
  const known = new Set([...flagsOf(command), '--help', '-h']);
  return options.find((option) => !known.has(option));
}

function commandOf([first = '', second = '']: readonly string[]): Command | undefined {
  const [one, two] = [first, `${first} ${second}`];
  return commands.find(({ name }) => name === two) ?? commands.find(({ name }) => name === one);
}

function flagsOf({ options = [] }: Command): string[] {
  return options.flatMap(({ flags }) => flags.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? []);
}

function problemsOfSpec(text: string, name: string): string[] {
  const check = (spec: Testnet) => planTestnet(spec, kinds).problems;
  const { problems } = /^kind: Fault$/m.test(text)
    ? parseFault(text, name)
    : parseSpec(text, name, check);
  return problems
    .filter(({ severity }) => severity === 'error')
    .map(({ message, path }) => `${name}: ${path.join('.')}: ${message}`);
}

/** As GitHub makes them. */
function anchorsOf(path: string): string[] {
  const headings = read(path).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('documents', () => {
  test('name commands and options that there are', () => {
    const wrong = pages.flatMap((path) =>
      commandLines(path).flatMap((line) => {
        const problem = problemOf(line);
        return problem === undefined ? [] : [`${path}: peerstorm ${line}: ${problem}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('link to files and headings that there are', () => {
    const wrong = pages.flatMap((path) =>
      [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        if (/^\w+:/.test(target)) return [];
        const [file = '', anchor] = target.split('#');
        const to = file === '' ? path : join(dirname(path), file);
        if (!existsSync(join(root, to))) return [`${path}: ${target}`];
        return anchor === undefined || anchorsOf(to).includes(anchor) ? [] : [`${path}: ${target}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('show specs and faults that are valid', () => {
    const specs = allFences.filter(({ text }) => /^kind: (?:Testnet|Fault)$/m.test(text));
    expect(specs.length).toBeGreaterThan(2);
    expect(specs.flatMap(({ text, place }) => problemsOfSpec(text, place))).toEqual([]);
  });

  test('name files of the repository that there are', () => {
    const named = pages.flatMap((path) =>
      [...read(path).matchAll(/`((?:src|test|bin|node-image|docs|examples)\/[\w./-]+)`/g)].map(
        ([, file = '']) => ({ path, file }),
      ),
    );
    const gone = named.filter(({ file }) => !/NAME/.test(file) && !existsSync(join(root, file)));
    expect(gone).toEqual([]);
  });

  test('show the same network in README as its example runs', () => {
    const shown = fences('README.md').find(({ text }) => /^kind: Testnet$/m.test(text));
    const hashes = [shown?.text ?? '', read('examples/split-and-heal.yaml')].map((text) => {
      const { spec } = parseSpec(text, 'README.md');
      return spec && planTestnet(spec, kinds).plan?.hash;
    });
    expect(hashes[0]).toBeDefined();
    expect(hashes[0]).toBe(hashes[1]);
  });
});

describe('examples', () => {
  const examples = readdirSync(join(root, 'examples')).map((name) => join('examples', name));

  test.each(examples)('%s is valid, and README shows it', (path) => {
    expect(problemsOfSpec(read(path), path)).toEqual([]);
    expect(read('README.md')).toContain(path);
  });
});

describe('dependencies', () => {
  const names = z.record(z.string(), z.string());
  const manifest = z
    .object({ dependencies: names, devDependencies: names })
    .parse(JSON.parse(read('package.json')));
  const all = [manifest.dependencies, manifest.devDependencies].flatMap((one) => Object.keys(one));

  test('have a reason each, and no reason is left of one that is gone', () => {
    const [tables = ''] = read('docs/dependencies.md').split('\n## Programs');
    const cells = [...tables.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = '']) => cell);
    const listed = cells.flatMap((cell) => cell.match(/[^`, ]+/g) ?? []);
    expect(listed.toSorted()).toEqual(all.toSorted());
  });

  const entry = z.object({
    dev: z.boolean().optional(),
    license: z.string().optional(),
    optionalDependencies: names.optional(),
  });
  const { packages } = z
    .object({ packages: z.record(z.string(), entry) })
    .parse(JSON.parse(read('package-lock.json')));

  test('come along under permissive licences only', () => {
    const wrong = Object.entries(packages)
      .filter(([, { dev, license = '' }]) => dev !== true && !permissive.test(license))
      .map(([path]) => relative('node_modules', path));
    expect(wrong).toEqual([]);
  });

  // npm leaves out of the lockfile what a registry does not have, and then `npm ci` refuses it.
  test('are locked for every platform', () => {
    const wanted = Object.values(packages).flatMap((one) =>
      Object.keys(one.optionalDependencies ?? {}),
    );
    const locked = new Set(
      Object.keys(packages).map((path) => path.replace(/.*node_modules\//, '')),
    );
    expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
  });
});
