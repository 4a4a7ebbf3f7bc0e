import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import type { Observation } from '../network/observation.ts';
import { hashHex } from '../random.ts';
import { type BitcoindConfig, bitcoind } from './bitcoind.ts';
import type { LaunchContext, NodeRequest } from './kind.ts';

const recorded = (name: string) =>
  readFileSync(new URL(`./recorded/${name}.json`, import.meta.url), 'utf8');

const peer = (index: number, group = 'node') => ({
  name: nodeName(group, index),
  address: `11.${index}.0.1`,
  identity: hashHex('test', group, index),
});

function context(
  config: object,
  more: Partial<LaunchContext<BitcoindConfig>> = {},
): LaunchContext<BitcoindConfig> {
  return {
    ...peer(0),
    testnet: 'test',
    randomSeed: 1,
    group: 'node',
    index: 0,
    role: 'full',
    region: '',
    dataDirectory: '/data',
    seeds: [],
    dials: [],
    config: bitcoind.config.parse(config),
    nodes: [peer(0), peer(1), peer(2), peer(0, 'node-b')].map(({ name }) => ({
      name,
      role: 'full',
      config: {},
    })),
    ...more,
  };
}

function configFile(...args: Parameters<typeof context>): readonly string[] {
  return (bitcoind.launch(context(...args)).files['bitcoin.conf'] ?? '').split('\n');
}

function request(node: number): NodeRequest {
  const whom = context({}, peer(node));
  const ready = bitcoind.ready(whom.config, whom);
  return ready.type === 'request' ? ready.request : expect.fail();
}

function heights(height?: number): readonly number[] {
  const whom = context({});
  const previous = height === undefined ? undefined : { peers: [], height };
  const [request] = bitcoind.observe(whom.config, {
    config: whom.config,
    node: whom,
    previous,
  });
  if (request?.type !== 'http') return expect.fail();
  return [...(request.body ?? '').matchAll(/"getblockhash","params":\[(-?\d+)\]/g)].map(([, at]) =>
    Number(at),
  );
}

describe('launch', () => {
  test('the program, its data and how it ends', () => {
    const { argv, stop } = bitcoind.launch(context({ binary: '/opt/bitcoind' }));
    expect(argv).toEqual(['/opt/bitcoind', '-datadir=/data']);
    expect(stop.signal).toBe('SIGTERM');
  });

  test('it listens on its own address only, and knows nobody outside', () => {
    const lines = configFile({});
    for (const line of ['bind=11.0.0.1:18444', 'rpcbind=11.0.0.1', 'dnsseed=0', 'fixedseeds=0']) {
      expect(lines).toContain(line);
    }
    expect(lines.indexOf('[regtest]')).toBeLessThan(lines.indexOf('bind=11.0.0.1:18444'));
  });

  test('an address that is known at the start only is given by arguments, not by the file', () => {
    const ownAddress = '$(POD_IP)';
    const { argv, files } = bitcoind.launch(context({}, { ownAddress, address: 'x-node-0.x' }));
    expect(argv.slice(2)).toEqual([
      '-bind=$(POD_IP):18444',
      '-rpcbind=$(POD_IP)',
      '-externalip=$(POD_IP)',
    ]);
    expect(files['bitcoin.conf']).not.toMatch(/bind=|externalip|POD_IP|x-node-0/);
  });

  test('with a secret of its own, its password does not follow from the spec', () => {
    const rpcauth = (secret?: string) =>
      configFile({}, secret === undefined ? {} : { secret }).find((line) =>
        line.startsWith('rpcauth'),
      );
    expect(rpcauth('a')).not.toBe(rpcauth());
    expect(rpcauth('a')).not.toBe(rpcauth('b'));
    const { config } = context({});
    const [asked] = bitcoind.observe(config, {
      config,
      node: { ...peer(0), secret: 'a' },
      previous: undefined,
    });
    const [plain] = bitcoind.observe(config, { config, node: peer(0), previous: undefined });
    expect(asked).not.toEqual(plain);
  });

  test.each([
    ['connect', ['connect=11.2.0.1:18444', 'connect=11.1.0.1:18444']],
    ['addnode', ['addnode=11.2.0.1:18444', 'addnode=11.1.0.1:18444']],
    ['seednode', ['seednode=11.1.0.1:18444', 'addnode=11.2.0.1:18444']],
  ])('join: %s', (join, expected) => {
    const lines = configFile({ join }, { seeds: [peer(1)], dials: [peer(2)] });
    expect(lines.filter((line) => /^(?:connect|addnode|seednode)=/.test(line))).toEqual(expected);
  });

  test('a peer that is a seed and a dial is handed over once', () => {
    const lines = configFile({}, { seeds: [peer(1)], dials: [peer(1)] });
    expect(lines.filter((line) => line.startsWith('connect='))).toHaveLength(1);
  });

  test('options of the user take the place of ours, lists and truths too', () => {
    const lines = configFile(
      { options: { dbcache: 16, debug: ['net', 'mempool'], blocksonly: true, connect: '1.2.3.4' } },
      { dials: [peer(1)] },
    );
    expect(lines.filter((line) => /^(?:dbcache|debug|blocksonly|connect)=/.test(line))).toEqual([
      'dbcache=16',
      'debug=net',
      'debug=mempool',
      'blocksonly=1',
      'connect=11.1.0.1:18444',
      'connect=1.2.3.4',
    ]);
  });

  test('what would break the testnet is refused, with its place', () => {
    const config = bitcoind.config.parse({ options: { rpcport: 1, dbcache: 8 } });
    expect(bitcoind.check?.(config)?.map(({ path }) => path)).toEqual([['options', 'rpcport']]);
  });

  test.each([
    { options: { debug: 'net\nrpcuser=me' } },
    { options: { 'a=b': 1 } },
    { mine: { interval: '10' } },
    { mine: {} },
    { join: 'dns' },
    { blockInterval: '10s' },
  ])('%j is no config', (config) => {
    expect(bitcoind.config.safeParse(config).success).toBe(false);
  });
});

describe('passwords', () => {
  test('what is sent is what the hash in the file was made of', () => {
    const sent = request(0);
    if (sent.type !== 'http') expect.fail();
    const [user, password = ''] = atob(
      (sent.headers?.['authorization'] ?? '').replace('Basic ', ''),
    ).split(':');
    const line = configFile({}).find((one) => one.startsWith('rpcauth='));
    const [, fileUser, salt = '', digest] = /^rpcauth=(\w+):(\w+)\$(\w+)$/.exec(line ?? '') ?? [];
    expect(fileUser).toBe(user);
    expect(digest).toBe(createHmac('sha256', salt).update(password).digest('hex'));
    expect(configFile({}).join()).not.toContain(password);
  });

  test('each node has its own', () => {
    expect(request(0)).not.toEqual(request(1));
    expect(request(1)).toEqual(request(1));
  });
});

describe('mining', () => {
  test('the interval is the mean of the group', () => {
    const [duty] = bitcoind.duties?.(context({ mine: { interval: '10s' } })) ?? [];
    expect(duty?.meanMs).toBe(30_000); // three nodes of `node`, not those of `node-b`
  });

  test('without it nobody mines', () => {
    expect(bitcoind.duties?.(context({}))).toEqual([]);
  });

  test('two nodes never find the very same block', () => {
    const requests = [0, 1].map((node) => {
      const [duty] = bitcoind.duties?.(context({ mine: { interval: '1s' } }, peer(node))) ?? [];
      return duty?.request.type === 'http' ? duty.request.body : undefined;
    });
    expect(requests[0]).not.toBe(requests[1]);
  });
});

describe('observation', () => {
  const whom = context({});
  const read = (body: string, previous?: Observation, status = 200) =>
    bitcoind.read([{ status, body }], { config: whom.config, node: whom, previous });
  const before = read(recorded('bitcoind-before-reorg'));
  const after = recorded('bitcoind-after-reorg');

  test('a node alone', () => {
    expect(before).toMatchObject({ peers: [], height: 2, reorgs: { count: 0, depths: [] } });
    expect(before.ancestors).toHaveLength(2);
  });

  test('peers, the chain downwards, and the reorg since the observation before', () => {
    const now = read(after, before);
    expect(now.peers).toEqual([{ address: '127.8.32.2', direction: 'outbound' }]);
    expect(now.height).toBe(3);
    expect(now.ancestors?.map((hash) => hash.slice(0, 4))).toEqual(['1c4e', '1ac4', '0f91']);
    expect(now.reorgs).toEqual({ count: 1, depths: [2] });
    expect(now.abandoned).toEqual([before.tip]);
    expect(now.metrics?.['bitcoind_chain_tips']).toBe(2);
  });

  test('a reorg is counted once', () => {
    const now = read(after, before);
    expect(read(after, now).reorgs).toEqual({ count: 1, depths: [2] });
  });

  test('what was abandoned before the first look is no reorg of ours', () => {
    expect(read(after).reorgs).toEqual({ count: 0, depths: [] });
  });

  test('a reorg between the answers of one batch leaves no false ancestors', () => {
    const torn = after.replace(/"102dfc[0-9a-f]+"/, `"${'0'.repeat(64)}"`);
    expect(torn).not.toBe(after);
    expect(read(torn, before).ancestors).toEqual([]);
  });

  test('who has not said hello is no peer', () => {
    expect(read(after.replace('"version": 70016', '"version": 0'), before).peers).toEqual([]);
  });

  test('the hashes around the last known tip are asked for, never below 0', () => {
    expect(Math.min(...heights())).toBe(0);
    expect(heights(100)).toContain(76);
    expect(heights(100)).toContain(111);
    expect(heights(100)).not.toContain(75);
  });

  test.each([
    ['not JSON', 'Work queue depth exceeded', 200],
    ['no batch', '{"result":null,"error":{"code":-28},"id":1}', 200],
    ['refused', '', 401],
    ['an error instead of the tips', after.replace('"height": 3,', ''), 500],
  ])('%s is not understood', (_, body, status) => {
    expect(() => read(body, before, status)).toThrow();
  });
});
