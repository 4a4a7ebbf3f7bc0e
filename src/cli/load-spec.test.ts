import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readEdgeList } from '../spec/edge-list.ts';
import { leaveConfigMap } from './edge-files.ts';
import { type Loading, loadSpec } from './load-spec.ts';
import type { Terminal } from './terminal.ts';

let folder: string;
let notes: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-spec-'));
  notes = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const terminal = {
  note: (text: string) => {
    notes += `${text}\n`;
  },
  color: false,
} as Terminal;

async function load(edgesFrom: string, loading?: Loading) {
  const file = join(folder, 'testnet.yaml');
  const text = `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: graph }
spec:
  groups: [{ name: full, count: 3, kind: reference }]
  topology: { model: edges, edgesFrom: ${edgesFrom} }
`;
  writeFileSync(file, text);
  const loaded = await loadSpec(file, terminal, loading);
  notes = notes.replaceAll(`${folder}/`, '');
  return loaded?.plan.nodes.map(({ dials }) => dials);
}

const list = 'full-1 full-0\nfull-2 full-1\n';
const dials = [[], ['full-0'], ['full-1']];

describe('a file of edges', () => {
  test('is found from the folder of the spec', async () => {
    writeFileSync(join(folder, 'edges.txt'), list);
    expect(await load('{ file: edges.txt }')).toEqual(dials);
    expect(await load(`{ file: ${join('.', 'x', '..', 'edges.txt')} }`)).toEqual(dials);
    expect(notes).toBe('');
  });

  test('has its problems named in it', async () => {
    writeFileSync(join(folder, 'edges.txt'), 'full-1 full-3\n');
    expect(await load('{ file: edges.txt }')).toBeUndefined();
    expect(notes).toMatch(/^edges\.txt:1:8: error: no node is named "full-3"/);
  });

  test('that cannot be read is a problem of the spec', async () => {
    expect(await load('{ file: nothing.txt }')).toBeUndefined();
    expect(notes).toMatch(
      /^testnet\.yaml:7:48: error: spec\.topology\.edgesFrom\.file: cannot read nothing\.txt: ENOENT/,
    );
  });
});

describe('edges in a ConfigMap', () => {
  const configMap = '{ configMap: { name: graph, key: edges.txt } }';

  test('are refused where there is no cluster', async () => {
    expect(await load(configMap)).toBeUndefined();
    expect(notes).toMatch(/edgesFrom\.configMap: is read with --runtime kubernetes only/);
  });

  test('are read where there is one', async () => {
    const readConfigMap = async ({ key }: { readonly key: string }) => readEdgeList(list, key);
    expect(await load(configMap, { runtime: 'kubernetes', readConfigMap })).toEqual(dials);
  });

  test('may be left out of a check, which says so', async () => {
    expect(await load(configMap, { readConfigMap: leaveConfigMap })).toEqual([[], [], []]);
    expect(notes).toMatch(/warning: .*what is in ConfigMap graph is not looked at here/);
    expect(notes).not.toMatch(/nobody is told/);
  });
});

test('no folder of edges is read as a file', async () => {
  expect(await load('{ file: . }')).toBeUndefined();
  expect(notes).toMatch(/cannot read \.: EISDIR/);
});
