// The style that linters cannot check: who may import whom, what pure rooms may not touch, sizes
// of lines, words that must not be there. Exceptions are listed with a reason; lists only shrink.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../src/errors.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Rooms in the order of the sentence; imports go up this list only. */
const rooms = [
  'names',
  'errors',
  'random',
  'quantities',
  'metrics',
  'kinds',
  'topology',
  'faults',
  'spec',
  'plan',
  'network',
  'expect',
  'decide',
  'report',
  'runtime',
  'observe',
  'session',
  'supervisor',
  'controller',
  'agent',
  'web',
  'cli',
] as const;
const pure = new Set(rooms.slice(0, rooms.indexOf('runtime')));

/** Type-only imports that go down the list: contracts that both sides must know. */
const typesMayComeFrom: Readonly<Record<string, readonly string[]>> = {
  kinds: ['network', 'spec'],
  faults: ['plan', 'runtime', 'report'],
  topology: ['spec'],
  network: ['report', 'runtime'],
  expect: ['decide', 'report'],
  decide: ['session', 'runtime', 'report'],
  report: ['session', 'runtime'],
  spec: ['plan'],
};

type Source = { readonly path: string; readonly room: string; readonly text: string };

function sources(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:tsx?|mts)$/.test(name) && !name.includes('node_modules'))
    .map((name) => {
      const path = join(folder, name);
      const [, first = ''] = path.split('/');
      return {
        path,
        room: first.replace(/\.tsx?$/, ''),
        text: readFileSync(join(root, path), 'utf8'),
      };
    });
}

const code = sources('src').filter(({ path }) => !path.endsWith('.test.ts'));
const everything = ['src', 'node-image', 'page', 'dashboards', 'test'].flatMap(sources);

type Import = { readonly target: string; readonly typeOnly: boolean };

function importsOf({ text }: Source): Import[] {
  const pattern = /^(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const names = match[0].replace(/^(?:import|export)\s+/, '');
    const listed = /^\{([^}]*)\}/
      .exec(names)?.[1]
      ?.split(',')
      .map((name) => name.trim());
    const allTypes = listed?.filter(Boolean).every((name) => name.startsWith('type ')) ?? false;
    return { target: match[2] ?? '', typeOnly: match[1] !== undefined || allTypes };
  });
}

function roomOf(source: Source, target: string): string | undefined {
  const path = normalize(join(dirname(source.path), target));
  return path.startsWith('src/') ? path.split('/')[1]?.replace(/\.ts$/, '') : undefined;
}

describe('imports', () => {
  test('every room is in the list', () => {
    const found = new Set(code.map(({ room }) => room));
    expect([...found].filter((room) => !rooms.includes(room as never))).toEqual([]);
  });

  test('go up the list of rooms only', () => {
    const wrong = code.flatMap((source) =>
      importsOf(source).flatMap(({ target, typeOnly }) => {
        const room = target.startsWith('.') ? roomOf(source, target) : undefined;
        if (room === undefined) return [];
        const down = rooms.indexOf(room as never) > rooms.indexOf(source.room as never);
        const allowed = typeOnly && (typesMayComeFrom[source.room] ?? []).includes(room);
        return down && !allowed ? [`${source.path} imports ${target}`] : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('of the reference node see errors, randomness, quantities and its own kind only', () => {
    const allowed = /^src\/(?:errors|names|random|quantities\/|metrics\/|kinds\/reference)/;
    const wrong = sources('node-image').flatMap((source) =>
      importsOf(source)
        .filter(({ target }) => target.startsWith('.'))
        .map(({ target }) => normalize(join(dirname(source.path), target)))
        .filter((path) => path.startsWith('src/') && !allowed.test(path))
        .map((path) => `${source.path} imports ${path}`),
    );
    expect(wrong).toEqual([]);
  });
});

test('the page sees of the program only what it shares with its server', () => {
  const allowed = /^src\/(?:web\/(?:patch|state)|network\/graph)\.ts$/;
  const wrong = sources('page')
    .filter(({ path }) => !path.endsWith('.test.ts'))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ target }) => target.startsWith('.'))
        .map(({ target }) => normalize(join(dirname(source.path), target)))
        .filter((path) => path.startsWith('src/') && !allowed.test(path))
        .map((path) => `${source.path} imports ${path}`),
    );
  expect(wrong).toEqual([]);
});

describe('pure rooms', () => {
  const pureCode = code.filter(({ room }) => pure.has(room as never));

  test('import nothing of Node.js and no client library', () => {
    const wrong = pureCode.flatMap((source) =>
      importsOf(source)
        .filter(({ target }) => /^(?:node:|execa|dockerode|@kubernetes|prom-client)/.test(target))
        .map(({ target }) => `${source.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('know neither the time nor chance', () => {
    const banned = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|\bprocess\./;
    expect(lines(pureCode, banned)).toEqual([]);
  });
});

describe('text', () => {
  // Of code the formatter takes care, but for text in quotes, which it cannot break.
  test('comments have at most 100 characters a line', () => {
    const long = lines(everything, /^\s*(?:\/\/|\/?\*).{95,}$/).filter((place) => {
      const [path = '', line = ''] = place.split(/:(?=\d+$)/);
      const text = everything.find((one) => one.path === path)?.text.split('\n')[Number(line) - 1];
      return (text ?? '').length > 100 && !/https?:/.test(text ?? '');
    });
    expect(long).toEqual([]);
  });

  test('no bare Error is thrown and nothing is left to do', () => {
    const thrown = lines(code, /throw new Error\(/).filter((at) => !mayThrowError.has(fileOf(at)));
    expect(thrown).toEqual([]);
    const words = new RegExp(['FIX', 'ME|TO', 'DO|XX', 'X'].join(''));
    expect(lines(everything, words)).toEqual([]);
  });

  test('no folder is called utils, helpers or common', () => {
    expect(
      everything.filter(({ path }) => /\/(?:utils?|helpers?|common|misc)\b/.test(path)),
    ).toEqual([]);
  });

  test('no any, enum, namespace or default export', () => {
    const banned =
      /^(?!\s*(?:\/\/|\*|\/\*)).*(?::|<|as) any\b|^export default|^(?:export )?(?:const )?enum |^namespace /;
    expect(lines(code, banned)).toEqual([]);
  });
});

test('every error code is used somewhere', () => {
  const unused = Object.keys(errorCodes).filter(
    (name) =>
      !code.some(({ path, text }) => path !== 'src/errors.ts' && text.includes(`'${name}'`)),
  );
  expect(unused).toEqual([]);
});

/** Assertions of our own bugs, where no coded error fits. */
const mayThrowError = new Set(['src/runtime/memory/virtual-clock.ts']);

function fileOf(place: string): string {
  return place.replace(/:\d+$/, '');
}

function lines(from: readonly Source[], pattern: RegExp): string[] {
  return from.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}
