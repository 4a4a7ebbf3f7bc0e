// Stopping in order: signals to the command (exit 128 + number, with a report), the end of whoever
// started it, and `up --detach` with all that a user does to a running testnet.
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRun, endless, Place, short } from './peerstorm.ts';

const testnet = 'stops';
// npm's own cache is none of ours, wherever it would put it.
const cache = `npm_config_cache=${join(homedir(), '.npm')}`;
const npm = ['env', 'NODE_DISABLE_COMPILE_CACHE=1', cache, 'npm', 'run', '-s', 'peerstorm', '--'];

describe.runIf(canRun)('a testnet', () => {
  let place: Place;
  beforeAll(() => {
    place = new Place();
    writeFileSync(join(place.folder, 'endless.yaml'), endless);
    writeFileSync(join(place.folder, 'short.yaml'), short);
  });
  afterAll(async () => {
    // Of tests that failed half-way.
    await place.run(['down', '--all']);
    place[Symbol.dispose]();
  });

  const spec = (name: string) => join(place.folder, name);
  const testArgs = () =>
    ['test', spec('endless.yaml'), '--name', testnet].concat('--report', place.report);
  const eventuallyGone = async (...testnets: readonly string[]) => {
    for (const limit = Date.now() + 30_000; Date.now() < limit; await wait(50)) {
      if (place.leftovers(...testnets).length === 0) break;
    }
    expect(place.leftovers(...testnets)).toEqual([]);
  };

  test.each([
    ['SIGTERM', 143, 'wave'],
    ['SIGTERM', 143, 'fault cut'],
    ['SIGINT', 130, 'fault cut'],
    ['SIGHUP', 129, 'time 0'],
  ] as const)('stopped by %s exits with %i, with a report (after "%s")', async (...row) => {
    const [signal, exit, words] = row;
    const command = place.start(testArgs());
    await place.said(command, words);
    command.child.kill(signal);
    const { code, output } = await command.ended;
    expect({ code, output }).toMatchObject({ code: exit });
    const report = place.readReport();
    expect(report).toMatchObject({ exitCode: exit, verdict: 'error' });
    expect(report.problems.join('\n')).toContain(`stopped by ${signal}`);
    expect(place.leftovers(testnet)).toEqual([]);
    expect(place.stateEntries()).toEqual([]);
  });

  test('stopped as soon as its supervisor is there has a report too', async () => {
    const command = place.start(testArgs());
    await place.find(command, testnet, 'supervisor');
    command.child.kill('SIGTERM');
    const { code, output } = await command.ended;
    expect({ code, output }).toMatchObject({ code: 143 });
    expect(place.readReport()).toMatchObject({ exitCode: 143, verdict: 'error' });
    expect(place.leftovers(testnet)).toEqual([]);
    expect(place.stateEntries()).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'whose command was started by npm run stops when npm gets %s',
    async (signal) => {
      const command = place.start(testArgs(), npm);
      await place.said(command, 'time 0');
      command.child.kill(signal);
      await eventuallyGone(testnet);
      expect(place.readReport()).toMatchObject({ exitCode: 143, verdict: 'error' });
      expect(place.stateEntries()).toEqual([]);
    },
  );

  test('detached is found by name, asked, broken, mended and taken down', async () => {
    const names = ['one', 'two'];
    const up = (name: string) =>
      place.run(['up', spec('endless.yaml'), '--detach', '--name', name]);
    expect((await Promise.all(names.map(up))).map(({ code }) => code)).toEqual([0, 0]);

    const again = await up('one');
    expect(again).toMatchObject({ code: 2 });
    expect(again.output).toMatch(/"one" is running/);

    const json = async (...args: string[]): Promise<unknown> => {
      const { code, output } = await place.run([...args, '--json']);
      expect({ code, output }).toMatchObject({ code: 0 });
      return JSON.parse(output);
    };
    const status = (await json('status')) as { testnet: string }[];
    expect(status.map((each) => each.testnet)).toEqual(names);
    expect(await json('status', 'two')).toMatchObject({ testnet: 'two', phase: 'running' });
    const unnamed = await place.run(['nodes']);
    expect(unnamed).toMatchObject({ code: 2 });
    expect(unnamed.output).toMatch(/several testnets.*one, two/);
    expect(await json('nodes', '-n', 'one')).toHaveLength(4);
    expect(await json('graph', '-n', 'one')).toMatchObject({ nodes: { length: 4 } });
    expect((await place.run(['logs', 'full-0', '-n', 'one'])).output).toMatch(/"full-0"/);
    const address = ['ip', '-brief', 'address', 'show', 'eth0'];
    const inside = await place.run(['exec', 'full-0', '-n', 'one', '--', ...address]);
    expect(inside.output).toMatch(/^eth0.* 10\./);
    const failing = await place.run(['exec', 'full-0', '-n', 'one', '--', 'sh', '-c', 'exit 9']);
    expect(failing.code).toBe(9);

    writeFileSync(
      spec('fault.yaml'),
      `apiVersion: peerstorm.dev/v1alpha1
kind: Fault
metadata: { name: extra }
spec: { testnet: two, partition: { sides: [{ node: full-2 }] } }
`,
    );
    expect(await place.run(['fault', 'apply', spec('fault.yaml')])).toMatchObject({ code: 0 });
    const stateOf = async (name: string) =>
      ((await json('fault', 'list', '-n', 'two')) as { name: string; state: string }[]).find(
        (fault) => fault.name === name,
      )?.state;
    while ((await stateOf('extra')) !== 'active') await wait(100);
    expect(await json('fault', 'list', '-n', 'one')).toHaveLength(1);
    expect(await place.run(['fault', 'clear', 'extra', '-n', 'two'])).toMatchObject({ code: 0 });
    expect(await stateOf('extra')).toBe('cleared');
    expect((await place.run(['fault', 'clear', 'nothing', '-n', 'two'])).code).toBe(2);

    expect(await place.run(['down', 'one'])).toMatchObject({ code: 0 });
    expect(place.leftovers('one')).toEqual([]);
    expect(await json('status', 'two')).toMatchObject({ testnet: 'two' });
    expect((await place.run(['down', 'one'])).code).toBe(2);
    // The only one needs no name.
    expect(await place.run(['down'])).toMatchObject({ code: 0 });
    await eventuallyGone('one', 'two');
    expect(place.stateEntries()).toEqual([]);
    expect((await place.run(['status'])).output).toMatch(/no testnet is running/);
  });

  test('that cannot start says why, exits with 3 and has a report', async () => {
    writeFileSync(
      spec('missing.yaml'),
      `apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: missing }
spec:
  duration: 2s
  groups:
    - name: full
      kind: custom
      config: { argv: [no-such-program], ready: { log: x } }
  topology: { model: none }
`,
    );
    const args = ['test', spec('missing.yaml'), '--report', place.report];
    const { code, output } = await place.run(args);
    expect({ code, output }).toMatchObject({ code: 3 });
    expect(output).toMatch(/"no-such-program" is not on this machine/);
    expect(place.readReport()).toMatchObject({ exitCode: 3, verdict: 'error' });
    expect(place.stateEntries()).toEqual([]);
  });

  test('of a spec with mistakes is not started: exit 2', async () => {
    writeFileSync(spec('wrong.yaml'), short.replace('duration', 'duratoin'));
    const { code, output } = await place.run(['test', spec('wrong.yaml')]);
    expect({ code, output }).toMatchObject({ code: 2 });
    expect(output).toMatch(/wrong\.yaml:\d+:\d+: error:.*duratoin/);
    expect((await place.run(['test', spec('none.yaml')])).code).toBe(2);
    expect((await place.run(['test', '--no-such-option'])).code).toBe(2);
    expect(place.stateEntries()).toEqual([]);
  });
});
