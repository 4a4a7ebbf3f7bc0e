import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import { readEdgeList } from './edge-list.ts';
import { parseSpec } from './parse.ts';
import { type Finding, formatFinding, formatProblems } from './problems.ts';
import type { Testnet } from './schema.ts';

const specOf = (topology: string, count: number | string = 3) => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: graph }
spec:
  groups:
    - { name: boot, count: 1, kind: reference, bootstrap: true }
    - { name: full, count: ${count}, kind: reference }
  topology: { model: edges, ${topology} }
`;
const fromFile = 'edgesFrom: { file: e.txt }';

function loaded(text: string, list?: string) {
  const edges = list === undefined ? undefined : readEdgeList(list, 'e.txt');
  let plan: ReturnType<typeof planTestnet>['plan'];
  const check = (spec: Testnet) => {
    const planned = planTestnet(spec, kinds, edges);
    plan = planned.plan;
    return planned.problems;
  };
  const { problems, spec } = parseSpec(text, 't.yaml', check);
  const said = problems.map(({ file, line, column, severity, message }) =>
    [file, line, column, severity, message].join(':'),
  );
  return { said, problems, spec, plan };
}

const said = (findings: readonly Finding[]) => findings.map(formatFinding);

describe('a list of edges', () => {
  test('is two nodes a line, and comments', () => {
    const { edges, findings } = readEdgeList('# dials\n\na-0 b-0\r\n  a-1\t b-0 # late\n', 'e.txt');
    expect(findings).toEqual([]);
    expect(edges).toEqual([
      ['a-0', 'b-0'],
      ['a-1', 'b-0'],
    ]);
  });

  test('has every wrong line named, with line and column', () => {
    const { findings } = readEdgeList(
      'a-0\n\n  a-0 b-0 {}\na-0 b-0\na-1 a-1\n a-0  b-0\n',
      'e.txt',
    );
    expect(said(findings)).toEqual([
      'e.txt:1:1: must be two nodes with white space between, got 1 word',
      'e.txt:3:3: must be two nodes with white space between, got 3 words',
      'e.txt:5:1: a-1 cannot dial itself',
      'e.txt:6:2: a-0 is told to dial b-0 already',
    ]);
    expect(findings.map(({ severity }) => severity)).toEqual([
      'error',
      'error',
      'error',
      'warning',
    ]);
  });

  test.each([
    ['', 'e.txt:1:1: the file is empty'],
    ['# nothing\n', 'e.txt:1:1: names no edge'],
    ['a-0 b-0\na-\u00001 b-0\n', 'e.txt:2:3: the file holds a NUL byte, it must be text'],
    [
      `${'a-0 b-0\n'.repeat(2 ** 21)}#`,
      'e.txt:1:1: the file is too large, at most 16 MiB is allowed',
    ],
  ])('that is no list is refused (%#)', (text, words) => {
    expect(said(readEdgeList(text, 'e.txt').findings)).toEqual([words]);
  });

  test('of any text is read without an exception, and places every finding in it', () => {
    const words = fc.constantFrom('a-0', 'b-0', '#', ' ', '\t', '\n', '\r\n', '{}', '\u0000', 'é');
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        const lines = text.split(/\r?\n/);
        for (const { elsewhere } of readEdgeList(text, 'e.txt').findings) {
          expect(elsewhere).toMatchObject({
            file: 'e.txt',
            source: lines[(elsewhere?.line ?? 0) - 1],
          });
        }
      }),
    );
  });
});

describe('a spec with its edges elsewhere', () => {
  test('has the plan of one that writes them down', () => {
    const inline = specOf('edges: [[full-0, boot-0], [full-1, full-0], [full-2, boot-0]]');
    const listed = loaded(specOf(fromFile), 'full-0 boot-0\nfull-1 full-0\n# end\nfull-2 boot-0');
    expect(listed.said).toEqual([]);
    expect(listed.plan?.nodes.map(({ dials }) => dials.length)).toEqual([0, 1, 1, 1]);
    expect(listed.plan).toEqual(loaded(inline).plan);
  });

  test('has the problems of both files, each at its place', () => {
    const { said, problems, spec } = loaded(
      specOf(fromFile, 'x'),
      'full-0\nfull-0 full-0\nno-1 a-1',
    );
    expect(said).toEqual([
      't.yaml:8:28:error:must be a whole number from 1 to 60000, got "x"',
      'e.txt:1:1:error:must be two nodes with white space between, got 1 word',
      'e.txt:2:1:error:full-0 cannot dial itself',
    ]);
    expect(spec).toBeUndefined();
    expect(formatProblems(problems.slice(1, 2), { text: 'not this' })).toBe(
      'e.txt:1:1: error: must be two nodes with white space between, got 1 word\n' +
        '    1 | full-0\n      | ^^^^^^\n',
    );
  });

  test('names nodes that are not there, and those that were meant', () => {
    const { said } = loaded(specOf(fromFile), '\nful-0 boot-0\nfull-1  x-y');
    expect(said).toEqual([
      'e.txt:2:1:error:no node is named "ful-0", did you mean full-0?',
      'e.txt:3:9:error:no node is named "x-y", there are boot-0, full-0, full-1 and full-2',
    ]);
  });

  test('is never planned without them', () => {
    expect(loaded(specOf(fromFile)).said).toEqual([
      't.yaml:9:29:error:must be read before it is planned',
    ]);
  });

  test.each([
    ['edges: [], edgesFrom: { file: e.txt }', 'stands beside edges, allowed is exactly one of'],
    ['edgesFrom: {}', 'must have exactly one of file or configMap, got none'],
    ['edgesFrom: { file: a, configMap: { name: a, key: b } }', 'stands beside file'],
    ['edgesFrom: { configMap: { name: A, key: b } }', 'must be the name of a ConfigMap'],
    ['edgesFrom: { configMap: { name: a } }', 'missing'],
  ])('says exactly where: %s', (topology, words) => {
    const { said } = loaded(specOf(topology), 'full-0 boot-0');
    expect(said.join('\n')).toContain(words);
  });
});
