import { describe, expect, test } from 'vitest';
import { mistakes, sound, testnet } from '../../test/fixtures/specs.ts';
import { acceptFault, acceptTestnet } from './accept.ts';
import { parseSpec } from './parse.ts';
import { error, formatFinding, warning } from './problems.ts';

const said = (spec: unknown) => {
  const result = acceptTestnet(testnet(spec));
  return 'problems' in result ? result.problems.map(formatFinding) : [];
};

describe('an object of the API', () => {
  test('becomes the spec that a file becomes', () => {
    const result = acceptTestnet(testnet(sound));
    expect(result).toEqual({
      accepted: parseSpec(JSON.stringify(testnet(sound)), 'sound.yaml').spec,
      warnings: [],
    });
  });

  test.each(mistakes)('with $name is refused in the words for a file', ({ spec }) => {
    const { problems } = parseSpec(JSON.stringify(testnet(spec)), 'bad.yaml');
    expect(problems).not.toEqual([]);
    expect(new Set(said(spec))).toEqual(new Set(problems.map(formatFinding)));
  });

  test('may have any metadata that Kubernetes has', () => {
    const metadata = { name: 'drawn', namespace: 'a', uid: '1', generation: 3, labels: { x: 'y' } };
    const result = acceptTestnet({ ...testnet(sound), metadata });
    expect(result).toMatchObject({ accepted: { metadata: { name: 'drawn', namespace: 'a' } } });
  });

  test('is refused for its name', () => {
    const result = acceptTestnet(testnet(sound, 'a-name-of-more-than-24-characters'));
    expect(result).toMatchObject({ problems: [{ path: ['metadata', 'name'] }] });
  });

  test('is refused for what a plan says, and warned by it', () => {
    const findings = [error(['spec', 'groups'], 'no'), warning(['spec'], 'hm')];
    expect(acceptTestnet(testnet(sound), () => findings)).toEqual({
      problems: [findings[0]],
      warnings: [findings[1]],
    });
  });

  test('without a spec has a problem, and no exception', () => {
    expect(said(undefined)).toEqual(['spec: missing, must be a map']);
    expect(said('text')).toEqual(['spec: must be a map, got "text"']);
  });

  test('that is a Fault is checked as one', () => {
    const fault = { ...testnet({ testnet: 'tour', pause: { targets: {} } }, 'f'), kind: 'Fault' };
    expect(acceptFault(fault)).toMatchObject({ accepted: { spec: { at: '0s' } } });
    expect(acceptTestnet(fault)).toMatchObject({ problems: [{ path: ['kind'] }] });
  });
});
