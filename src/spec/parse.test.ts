import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseFault, parseSpec } from './parse.ts';
import {
  error,
  type Finding,
  findingSaid,
  formatFinding,
  formatPath,
  formatProblems,
  warning,
} from './problems.ts';
import type { Testnet } from './schema.ts';

const golden = join(import.meta.dirname, '../../test/golden/spec');
const head = 'apiVersion: peerstorm.dev/v1alpha1\nkind: Testnet\nmetadata: { name: tour }\n';

function messages(text: string, check?: (spec: Testnet) => readonly Finding[]): string[] {
  return parseSpec(text, 'x.yaml', check).problems.map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
}

const faultHead = 'apiVersion: peerstorm.dev/v1alpha1\nkind: Fault\nmetadata: { name: cut }\n';

function fault(body: string) {
  return parseFault(`${faultHead}spec: ${body}\n`, 'fault.yaml');
}

function brokenGroup(group: string): string {
  return `${head}spec:
  groups:
    - { name: full, count: 4, kind: reference }
    - { name: evil, ${group} }
  faults:
    - { name: a, at: 1s, for: 1ms, pause: { targets: { group: ful } } }
    - { name: b, at: 1s, for: 9s, pause: { targets: { group: evil } } }
    - { name: c, at: 1s, for: 9s, pause: { targets: { role: adversary } } }
`;
}

/** Has something to say about every place that a plan could have something to say about. */
function complain({ spec }: Testnet): Finding[] {
  return spec.faults.flatMap(({ name }, index) => [
    error(['spec', 'faults', index, 'for'], `length of ${name}`),
    error(['spec', 'faults', index, 'pause', 'targets'], `targets of ${name}`),
  ]);
}

describe('a bad file', () => {
  const files = readdirSync(golden).filter((name) => name.endsWith('.yaml'));
  test.each(files)('%s is refused with its text', async (name) => {
    const text = readFileSync(join(golden, name), 'utf8');
    const { spec, problems } = parseSpec(text, name);
    expect(spec).toBeUndefined();
    const shown = formatProblems(problems, { text });
    await expect(shown).toMatchFileSnapshot(join(golden, name.replace('.yaml', '.txt')));
  });

  test.each([
    ['5 MB', 'a'.repeat(5_000_000), '1:1 the file is too large, at most 1 MiB is allowed'],
    ['1 MiB of wide letters', 'ä'.repeat(600_000), /^1:1 the file is too large/],
    ['10,000 lists', '['.repeat(10_000) + ']'.repeat(10_000), /^1:\d+ nested deeper than 64/],
    ['10,000 lists in blocks', '- '.repeat(10_000), /^1:\d+ nested deeper than 64 levels$/],
    ['10,000 maps', '{a: '.repeat(10_000), /^1:\d+ nested deeper than 64 levels$/],
    ['10,000 complex keys', '? '.repeat(10_000), /^1:\d+ nested deeper than 64 levels$/],
    ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`, /^1:\d+ nested deeper than 64 levels$/],
    ['a NUL byte', 'kind: Test\0net', '1:11 the file holds a NUL byte, it must be text'],
    ['a NUL byte at its start', '\0kind', '1:1 the file holds a NUL byte, it must be text'],
    ['UTF-16', 'k\0i\0n\0d\0', '1:1 the file looks like UTF-16, save it as UTF-8'],
    [
      'UTF-16 with a mark',
      '\uFFFD\uFFFDk\0i\0',
      '1:1 the file looks like UTF-16, save it as UTF-8',
    ],
    ['UTF-8 with a mark', '\uFEFFkind: Testnet', /^1:1 the file starts with a byte-order mark/],
    ['bytes that are no UTF-8', 'kind: \uFFFD', '1:7 the file is not UTF-8 here'],
    ['an escape sequence', 'kind: \u001B[31m', '1:7 the control character U+001B is not allowed'],
    ['a lone carriage return', 'a: 1\rb: 2', '1:5 the control character U+000D is not allowed'],
    ['nothing', ' \n', '1:1 the file is empty'],
    ['a comment only', '# nothing\n', '1:1 must be a map, got nothing'],
    ['a prototype', 'a: 1\n__proto__: { b: 1 }', '2:1 the key __proto__ is not allowed'],
    [
      'infinity',
      'spec: { randomSeed: .inf }',
      /^1:21 must be a number, infinity and nan are none$/,
    ],
  ])('of %s is refused at once', (_, text, message) => {
    expect(messages(text)).toEqual([
      typeof message === 'string' ? message : expect.stringMatching(message),
    ]);
  });

  test('with aliases that would fill the memory is refused', () => {
    const levels = Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`);
    expect(messages(['a0: &a0 [x]', ...levels].join('\n'))).toEqual([
      expect.stringMatching(/more than 200000 values with all aliases written out$/),
    ]);
  });

  test('with aliases that nest too deep is refused', () => {
    const levels = Array.from({ length: 999 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`);
    expect(messages(['a0: &a0 [x]', ...levels].join('\n'))).toEqual([
      expect.stringMatching(/nested deeper than 64 levels$/),
    ]);
  });

  test('with 5,000 mistakes shows the first hundred', () => {
    const text = Array.from({ length: 5_000 }, (_, index) => `k${index}: 1`).join('\n');
    const shown = formatProblems(parseSpec(text, 'x.yaml').problems, { text });
    expect(shown.split('\n').filter((line) => line.startsWith('x.yaml:'))).toHaveLength(100);
    expect(shown).toMatch(/\n\.\.\. and \d+ more problems\n$/);
  });

  test('cannot steer the terminal through an escaped character', () => {
    const text = `${head}spec: { "\\e[2J": 1, groups: [] } # \u202E`;
    const shown = formatProblems(parseSpec(text, 'x.yaml').problems, { text });
    expect(shown).not.toContain('\u001B');
    expect(shown).not.toContain('\u202E');
    expect(shown).toContain('x.yaml:4:9: error: ');
  });
});

describe('a good file', () => {
  test('may use anchors, aliases and merge keys', () => {
    const text = `${head}spec:
  groups:
    - &miner { name: miner, kind: &kind reference, role: miner, config: { blockInterval: 10s } }
    - { <<: *miner, name: full, kind: *kind, role: full }
    - { name: odd, <<: [{ kind: bitcoind }, *miner] }
`;
    const { spec, problems } = parseSpec(text, 'x.yaml');
    expect(problems).toEqual([]);
    expect(spec?.spec.groups.map(({ name, kind, role }) => [name, kind, role])).toEqual([
      ['miner', 'reference', 'miner'],
      ['full', 'reference', 'full'],
      ['odd', 'bitcoind', 'miner'],
    ]);
  });

  test('may be JSON with tabs, or have Windows line ends', () => {
    const document = {
      apiVersion: 'peerstorm.dev/v1alpha1',
      kind: 'Testnet',
      metadata: { name: 'tour' },
      spec: { groups: [{ name: 'full', kind: 'reference' }] },
    };
    expect(parseSpec(JSON.stringify(document, null, '\t'), 'x.json').problems).toEqual([]);
    const windows = `${head}spec: { groups: [{ name: full, kind: reference }] }\n`;
    expect(messages(windows.replaceAll('\n', '\r\n'))).toEqual([]);
  });

  test('a problem in an anchored value is shown where the value is written', () => {
    const text = `${head}spec:
  groups:
    - { name: a, kind: reference, resources: &r { memory: 1GB } }
    - { name: b, kind: reference, resources: *r }
`;
    expect(
      parseSpec(text, 'x.yaml').problems.map(({ path, line, column }) => [
        path.join('.'),
        line,
        column,
      ]),
    ).toEqual([
      ['spec.groups.0.resources.memory', 6, 59],
      ['spec.groups.1.resources.memory', 6, 59],
    ]);
  });
});

describe('a Fault document', () => {
  test('needs neither a start nor an end', () => {
    const { spec, problems } = fault('{ testnet: tour, pause: { targets: { group: full } } }');
    expect(problems).toEqual([]);
    expect(spec?.spec).toEqual({
      testnet: 'tour',
      at: '0s',
      pause: { targets: { group: 'full' } },
    });
  });

  test.each([
    ['{ testnet: tour }', /^must have exactly one of partition, link/],
    ['{ testnet: tour, for: 5s, kill: { targets: {} } }', /^has no meaning here/],
    ['{ pause: { targets: {} } }', /^missing, must be a name/],
    ['{ testnet: t, pause: { targets: { node: a-0, nodes: [a-1] } } }', /^stands beside node/],
  ])('%s is refused', (body, message) => {
    expect(fault(body).problems.map((problem) => problem.message)).toEqual([
      expect.stringMatching(message),
    ]);
  });

  test('is told apart from a Testnet', () => {
    expect(
      parseFault(`${head}spec: {}\n`, 'x.yaml').problems.map(({ message }) => message),
    ).toEqual(['must be Fault, got Testnet, a Testnet is started with: peerstorm up FILE']);
  });
});

describe('further checks', () => {
  test('see neither a broken part nor what its repair left without a sense', () => {
    const text = `${head}spec:
  groups: [{ name: full, kind: reference }]
  faults:
    - { name: a, at: 1s, for: 9s, link: { from: {}, to: {}, loss: 110% } }
    - { name: b, at: 1s, for: 9s, pause: { targets: { group: full } } }
  expect:
    - { name: c, at: 1s, metric: components, is: "=> 2" }
    - { name: d, at: 1s, metric: components, is: ">= 2" }
`;
    const seen: string[] = [];
    messages(text, ({ spec }) => {
      seen.push(...[...spec.faults, ...spec.expect].map(({ name }) => name));
      return [];
    });
    expect(seen).toEqual(['b', 'd']);
  });

  test.each([
    ['a typing error of a key', 'kind: reference, cuont: 2', ['a', 'a', 'b', 'b', 'c', 'c']],
    ['a key that means nothing', 'kind: reference, colour: red', ['a', 'a', 'b', 'b', 'c', 'c']],
    ['a wrong memory limit', 'kind: reference, resources: 1', ['a', 'a', 'b', 'b', 'c', 'c']],
    ['a wrong count', 'kind: reference, count: x', ['a', 'a', 'b', 'c']],
    ['a missing kind', 'role: adversary', ['a', 'a', 'b', 'c']],
  ])('run on what is left beside %s', (_, group, names) => {
    const found = messages(brokenGroup(group), complain).filter((text) => / of [abc]$/.test(text));
    expect(found.map((text) => text.at(-1))).toEqual(names);
  });

  test('say what is wrong with the software of a group beside a wrong count of another', () => {
    const text = `${head}spec:
  groups:
    - { name: boot, kind: reference, count: many }
    - { name: full, kind: refrence }
`;
    const about = (field: string) => error(['spec', 'groups', 1, field], `no such ${field}`);
    const found = messages(text, () => [about('kind'), about('count')]);
    expect(found.map((one) => one.replace(/^\S+ /, ''))).toEqual([
      expect.stringMatching(/^must be a whole number/),
      'no such kind',
    ]);
  });

  test('say beside a wrong count which names are wrong, but not who is selected', () => {
    const text = `${head}spec:
  network: { regions: [{ name: eu }], links: [{ between: [eu, ue], rtt: 10ms }] }
  groups:
    - { name: boot, kind: reference, count: many }
    - { name: full, kind: reference, discovery: { seeds: { groups: [bot] } } }
  discovery: { seeds: { group: boor } }
`;
    const seeds = ['spec', 'discovery', 'seeds'];
    const findings = [
      error(['spec', 'network', 'links', 0, 'between', 1], 'no region ue'),
      error([...seeds, 'group'], 'no group boor'),
      error(['spec', 'groups', 1, 'discovery', 'seeds', 'groups', 0], 'no group bot'),
      error(seeds, 'selects no node'),
      error([...seeds, 'node'], 'no such node'),
      error([...seeds, 'sample'], 'too many'),
      error(['spec', 'network', 'addressing', 'netgroups'], 'too small'),
    ];
    const said = (of: string) =>
      messages(of, () => findings).map((one) => one.slice(one.indexOf(' ') + 1));
    expect(said(text)).toEqual([
      'no region ue',
      expect.stringMatching(/^must be a whole number/),
      'no group bot',
      'no group boor',
    ]);
    // Of a group without its name nothing is known.
    expect(said(text.replace('count: many', 'cont: 1, name: 7'))).not.toContain('no group boor');
  });

  test('say nothing about a part that holds a mistake', () => {
    const text = `${head}spec:
  groups: [{ name: full, kind: reference }]
  faults:
    - { name: a, at: 1s, for: 9s, pause: { targets: { group: full, colour: red } } }
`;
    expect(messages(text, complain)).toEqual([
      '7:31 length of a',
      expect.stringMatching(/^7:68 unknown key/),
    ]);
  });

  test('say nothing about a node of a group whose name ends like one', () => {
    const text = `${head}spec:
  groups: [{ name: full, kind: reference }, { name: full-2, kind: reference, count: x }]
  faults:
    - { name: a, at: 1s, for: 9s, pause: { targets: { group: full-2 } } }
    - { name: b, at: 1s, for: 9s, pause: { targets: { node: full-2-0 } } }
    - { name: c, at: 1s, for: 9s, pause: { targets: { node: full-0 } } }
`;
    expect(messages(text, complain).filter((found) => found.includes('targets'))).toEqual([
      '9:44 targets of c',
    ]);
  });

  test('keep the place of what they find when something before it was cut out', () => {
    const text = `${head}spec:
  groups: [{ name: full, kind: reference }]
  faults:
    - { name: Bad, at: 1s, for: 9s, pause: { targets: {} } }
    - { name: two, at: 1s, for: 9s, pause: { targets: {} }, kill: { targets: {} } }
    - { name: good, at: 1s, for: 9s, pause: { targets: {} } }
`;
    expect(messages(text, complain)).toEqual([
      expect.stringMatching(/^7:15 must be a name/),
      expect.stringMatching(/^8:37 stands beside kill/),
      '9:34 length of good',
      '9:47 targets of good',
    ]);
  });

  test('a warning leaves the spec', () => {
    const text = `${head}spec: { groups: [{ name: full, kind: reference }] }\n`;
    const { spec, problems } = parseSpec(text, 'x.yaml', () => [warning(['spec'], 'hm')]);
    expect(spec?.metadata.name).toBe('tour');
    expect(formatProblems(problems, { text }).split('\n')).toEqual([
      'x.yaml:4:1: warning: spec: hm',
      '    4 | spec: { groups: [{ name: full, kind: reference }] }',
      '      | ^^^^',
      '',
    ]);
  });
});

test('what a running testnet has said about a fault is shown in its file', () => {
  const text = `apiVersion: peerstorm.dev/v1alpha1
kind: Fault
metadata: { name: cut }
spec: { testnet: tour, for: 5s, partition: { sides: [{ node: ful-0 }] } }
`;
  const said = 'spec.partition.sides[0].node: no node is named "ful-0", did you mean full-0?';
  const finding = findingSaid(said, 'error');
  expect(formatPath(finding.path)).toBe('spec.partition.sides[0].node');
  expect(formatFinding(finding)).toBe(said);
  const [first] = formatProblems([parseFault(text, 'cut.yaml').locate(finding)], { text }).split(
    '\n',
  );
  expect(first).toBe(`cut.yaml:4:62: error: ${said}`);
  const unplaced = findingSaid('host-1 cannot: no netem', 'error');
  expect(unplaced).toEqual(error([], 'host-1 cannot: no netem'));
});
