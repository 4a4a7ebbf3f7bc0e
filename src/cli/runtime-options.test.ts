import { describe, expect, test, vi } from 'vitest';
import type { Invocation } from './command.ts';
import { placeOf, runtimeOf, testnetsOf } from './runtime-options.ts';

const terminal: Invocation['terminal'] = {
  out: () => undefined,
  note: () => undefined,
  interactive: false,
  color: false,
  outColor: false,
  columns: 100,
  outliveReader: () => undefined,
};
const invocation = (options: Invocation['options']): Invocation => ({
  positional: [],
  options,
  terminal,
});

describe('the runtime', () => {
  test('is this machine where nothing is said', async () => {
    expect(runtimeOf(invocation({}))).toBe('local');
    expect((await testnetsOf(invocation({}))).where).toBe('on this machine');
  });

  test.each(['kubeconfig', 'context', 'namespace', 'systemNamespace'])(
    'must be kubernetes for %s to have a meaning',
    (flag) => {
      const asked = () => runtimeOf(invocation({ [flag]: 'x' }));
      expect(asked).toThrow(/^--[a-z-]+ is about a cluster: add --runtime kubernetes$/);
      expect(runtimeOf(invocation({ [flag]: 'x', runtime: 'kubernetes' }))).toBe('kubernetes');
    },
  );

  test('kubernetes without a kubeconfig says where it was looked for', async () => {
    vi.stubEnv('KUBECONFIG', '/none/config');
    await expect(testnetsOf(invocation({ runtime: 'kubernetes' }))).rejects.toMatchObject({
      code: 'CLUSTER_UNKNOWN',
      exit: 2,
      message: expect.stringContaining('/none/config'),
    });
    vi.unstubAllEnvs();
  });

  test('kubernetes by a file that is not there names the file', async () => {
    vi.stubEnv('KUBECONFIG', '');
    vi.stubEnv('HOME', '/none');
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
    await expect(
      testnetsOf(invocation({ runtime: 'kubernetes', kubeconfig: '/none/other' })),
    ).rejects.toMatchObject({ code: 'CLUSTER_UNKNOWN', message: expect.stringMatching(/other/) });
    vi.unstubAllEnvs();
  });
});

describe('the place', () => {
  const flags = { kubeconfig: 'a', context: 'b', namespace: 'storms', systemNamespace: 'd' };

  test('is what the flags say', () => {
    expect(placeOf(invocation({ ...flags, json: true }))).toEqual(flags);
    expect(placeOf(invocation({}))).toEqual({});
  });

  test('is the namespace of the document, which no flag may contradict', () => {
    const about = { namespace: 'storms' };
    expect(placeOf(invocation({}), about)).toEqual(about);
    expect(placeOf(invocation(flags), about)).toEqual(flags);
    expect(() => placeOf(invocation({ namespace: 'other' }), about)).toThrow(
      'the document is for namespace storms, the flag says other',
    );
  });
});
