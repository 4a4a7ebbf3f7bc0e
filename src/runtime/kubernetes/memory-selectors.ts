// Label and field selectors, as the API server reads them.
import { fail } from '../../errors.ts';
import type { KubernetesObject, Scope } from './api.ts';
import { isObject, type Json, textOf } from './memory-merge.ts';

type Test = (object: KubernetesObject) => boolean;

export function matcherOf({ namespace, labelSelector, fieldSelector }: Scope): Test {
  const tests = [
    ...partsOf(labelSelector).map(labelTest),
    ...partsOf(fieldSelector).map(fieldTest),
  ];
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    tests.every((test) => test(object));
}

/** Split at commas, but for those in brackets. */
function partsOf(selector = ''): readonly string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function labelTest(part: string): Test {
  const valueOf = (key: string) => (object: KubernetesObject) => object.metadata.labels?.[key];
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    const value = valueOf(key);
    return (object) => values.has(value(object) ?? '') === (operator === 'in');
  }
  const [, key = '', operator = '', wanted = ''] = /^([^=!]+)(!=|==?)(.*)$/.exec(part) ?? [];
  if (operator !== '') {
    const value = valueOf(key.trim());
    return (object) => (value(object) === wanted.trim()) === (operator !== '!=');
  }
  const absent = part.startsWith('!');
  const value = valueOf(absent ? part.slice(1) : part);
  return (object) => (value(object) === undefined) === absent;
}

function fieldTest(part: string): Test {
  const [, path, operator, wanted] = /^([A-Za-z.]+)(!=|==?)(.*)$/.exec(part) ?? [];
  if (path === undefined || wanted === undefined) {
    throw fail('API_CONFLICT', `field selector not understood: ${part}`);
  }
  return (object) => {
    const value = path
      .split('.')
      .reduce<unknown>(
        (here, key) => (isObject(here as Json) ? Object(here)[key] : undefined),
        object,
      );
    return (textOf(value ?? '') === wanted) === (operator !== '!=');
  };
}
