import { expect, test } from 'vitest';
import { memoryCluster, testnetOf } from '../../../test/memory-cluster.ts';
import { fail } from '../../errors.ts';
import type { NodeName } from '../../names.ts';

const groups = [{ name: 'full', kind: 'reference', restartPolicy: 'always' }];
const stamp = (second: number, nanos: number) =>
  `2026-11-23T10:00:0${second}.${String(nanos).padStart(9, '0')}Z`;

type Log = (path: string) => readonly string[] | Error;

async function clusterWith(log: Log) {
  const paths: string[] = [];
  const cluster = await memoryCluster(testnetOf({ groups }), {
    text: (path) => {
      paths.push(path);
      return 'of the one before\n';
    },
    lines: async function* (path) {
      paths.push(path);
      const lines = log(path);
      if (lines instanceof Error) throw lines;
      yield* lines;
    },
  });
  await cluster.runtime.ensure([cluster.wanted('full-0')], new AbortController().signal);
  await new Promise((resolve) => setImmediate(resolve));
  return { ...cluster, paths };
}

type Reading = Parameters<Awaited<ReturnType<typeof clusterWith>>['runtime']['logs']>[1];

async function read(
  { runtime, clock }: Awaited<ReturnType<typeof clusterWith>>,
  { count, ...options }: Reading & { readonly count?: number },
): Promise<string[]> {
  const over = new AbortController();
  const texts: string[] = [];
  const reading = async () => {
    for await (const { text } of runtime.logs('full-0' as NodeName, options, over.signal)) {
      texts.push(text);
      if (texts.length === count) over.abort();
    }
  };
  await clock.run(reading());
  return texts;
}

test('what there is, without the times', async () => {
  const cluster = await clusterWith(() => [`${stamp(1, 1)} hello there`, `${stamp(1, 2)} `]);
  expect(await read(cluster, { follow: false })).toEqual(['hello there', '']);
  expect(cluster.paths[0]).toMatch(/namespaces\/chaos\/pods\/net-full-0\/log\?container=node/);
});

test('a connection that breaks is made again, and no line is read twice', async () => {
  const answers = [
    [`${stamp(1, 1)} one`, `${stamp(1, 2)} two`],
    new TypeError('reset'),
    [`${stamp(1, 1)} one`, `${stamp(1, 2)} two`, `${stamp(1, 3)} three`, `${stamp(2, 0)} four`],
  ];
  const cluster = await clusterWith(() => answers.shift() ?? []);
  const texts = await read(cluster, { follow: true, count: 4 });
  expect(texts).toEqual(['one', 'two', 'three', 'four']);
  expect(cluster.paths.at(-1)).toMatch(/sinceTime=2026-11-23T10%3A00%3A01Z/);
});

test('the container before is read first, if all is wanted', async () => {
  const cluster = await clusterWith(() => [`${stamp(1, 1)} now`]);
  cluster.kubelet.exit('net-full-0', 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await read(cluster, { follow: false })).toEqual(['of the one before', 'now']);
  expect(await read(cluster, { follow: false, since: 'incarnation' })).toEqual(['now']);
});

test('a log that cannot be read is an error, unless it is followed', async () => {
  const cluster = await clusterWith(() => new TypeError('broken'));
  await expect(read(cluster, { follow: false })).rejects.toThrow('broken');
});

test('a log that may not be read is an error, also when it is followed', async () => {
  const cluster = await clusterWith(() => fail('API_FORBIDDEN', 'cannot follow: 403'));
  await expect(read(cluster, { follow: true })).rejects.toMatchObject({ code: 'API_FORBIDDEN' });
});
