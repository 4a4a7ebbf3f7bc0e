// The rules of a spec in CEL, by place: what the API server refuses before the controller sees it.
// Made from the same lists as checks.ts. None refuses what `validate` accepts (tested); references
// and what needs numbers out of quantities stay with the controller, for want of budget and of an
// exact grammar. Rules are cheap on purpose: their estimated cost is multiplied by the maxima of
// the lists around them, and a definition above 100 million is refused.
// https://kubernetes.io/docs/reference/using-api/cel/
import { cannotChange, changeable, groupsStay, itemStays } from './changes.ts';
import { belongings, needs, windows } from './check-expectations.ts';
import { linkProperties, overAtOnce } from './check-faults.ts';
import { fileIsRead } from './check-kubernetes.ts';
import { pairs } from './check-selectors.ts';
import { edgeFields, edgeSources, places, properties, topologyFields } from './checks.ts';
import type { JsonSchema } from './json-schema.ts';
import { listed } from './problems.ts';
import { faultKinds } from './schema.ts';
import type { Rule, Structural } from './structural.ts';

export type Additions = Readonly<Record<string, Structural>>;

export function testnetAdditions(): Additions {
  return {
    'spec.sampleInterval': { 'x-kubernetes-validations': [sampleInterval] },
    'spec.network.links[]': { 'x-kubernetes-validations': linkRules() },
    'spec.groups[].regions': {
      minProperties: 1,
      'x-kubernetes-validations': [weightsOrShares],
    },
    'spec.topology': { 'x-kubernetes-validations': topologyRules() },
    'spec.topology.edges[]': { 'x-kubernetes-validations': [notItself] },
    'spec.topology.edgesFrom': { 'x-kubernetes-validations': [exactlyOne(edgeSources), noFile] },
    'spec.expect[]': { 'x-kubernetes-validations': claimRules() },
    ...selectorAdditions(),
    ...faultAdditions('spec.faults[]', { openEnded: false }),
    ...podAdditions('spec.kubernetes'),
    ...podAdditions('spec.groups[].kubernetes'),
  };
}

/** Of a Fault object, whose spec is a fault that may be open-ended. */
export function faultObjectAdditions(): Additions {
  return { ...selectorAdditions(), ...faultAdditions('spec', { openEnded: true }) };
}

/**
 * At the root of a Testnet: what cannot change once it has been accepted (`status.planHash`). Until
 * then everything can, so that a refused Testnet can be corrected in place.
 */
export function transitionRules(spec: JsonSchema): readonly Rule[] {
  const group = spec.properties?.['groups']?.items;
  const groupFields = typeof group === 'object' ? (group.properties ?? {}) : {};
  const fields = without(spec.properties ?? {}, changeable.spec).map(([key, field]) =>
    onceAccepted(cannotChange(key), {
      rule: sameField(key, field),
      fieldPath: `.spec.${key}`,
    }),
  );
  const inGroups = without(groupFields, ['name', ...changeable.group]).map(([key, field]) => {
    const value = valueIn('group', key, field);
    return onceAccepted(cannotChange(`${key} of a group`), {
      rule: `${ofGroups('self', value)} == ${ofGroups('oldSelf', value)}`,
      fieldPath: '.spec.groups',
    });
  });
  const names = onceAccepted(groupsStay, {
    rule: `${ofGroups('self', 'group.name')} == ${ofGroups('oldSelf', 'group.name')}`,
    fieldPath: '.spec.groups',
  });
  return [...fields, names, ...inGroups, ...changeable.lists.map(itemsStay)];
}

/** At the root of a Fault: it cannot change once its time is set. */
export const faultTransition: Rule = {
  rule: 'oldSelf.?status.start.hasValue() ? self.spec == oldSelf.spec : true',
  message: 'a fault that has been accepted cannot change: delete it and create another',
  reason: 'FieldValueForbidden',
  fieldPath: '.spec',
};

function onceAccepted(
  message: string,
  { rule, fieldPath }: Pick<Rule, 'rule' | 'fieldPath'>,
): Rule {
  return {
    rule: `oldSelf.?status.planHash.hasValue() ? (${rule}) : true`,
    message,
    reason: 'FieldValueForbidden',
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

function without(fields: Readonly<Record<string, JsonSchema>>, names: readonly string[]) {
  return Object.entries(fields).filter(([key]) => !names.includes(key));
}

/** Without optional values, whose size the server's estimate of the cost takes for unbounded. */
function sameField(key: string, { default: usual }: JsonSchema): string {
  const [now, before] = [`self.spec.${escaped(key)}`, `oldSelf.spec.${escaped(key)}`];
  if (typeof usual === 'object' || usual === undefined) {
    return `has(${now}) == has(${before}) && (!has(${now}) || ${now} == ${before})`;
  }
  const value = (of: string) => `(has(${of}) ? ${of} : ${literal(usual)})`;
  return `${value(now)} == ${value(before)}`;
}

/** With its default where there is one: to write that down changes nothing. */
function valueIn(group: string, key: string, { default: usual }: JsonSchema): string {
  const value = `${group}.${escaped(key)}`;
  const simple = typeof usual !== 'object' && usual !== undefined;
  return `has(${value}) ? ${simple ? value : `[${value}]`} : ${simple ? literal(usual) : '[]'}`;
}

function ofGroups(root: 'self' | 'oldSelf', value: string): string {
  return `${root}.spec.groups.map(group, ${value})`;
}

/** Cheap where nothing has changed; only a changed entry is looked for by its name. */
function itemsStay(list: string): Rule {
  const [now, old] = [`self.spec.${list}`, `oldSelf.spec.${list}`];
  const stays = `item in ${old} || !${old}.exists(before, before.name == item.name)`;
  const rule = `(!has(${now}) || !has(${old}) || ${now}.all(item, ${stays}))`;
  return onceAccepted(itemStays(list), { rule, fieldPath: `.spec.${list}` });
}

/** A millionth less than 100ms: validate rounds to twelve digits, and this cuts off after nine. */
const sampleInterval: Rule = {
  rule: "duration(self) >= duration('99.999999ms') && duration(self) <= duration('10s')",
  message: 'must be 100ms to 10s',
};

const weightsOrShares: Rule = {
  rule: ['int', 'string'].map((type) => `self.all(at, type(self[at]) == ${type})`).join(' || '),
  message: 'mixes weights and shares, must be all numbers or all percentages',
};

/** The CLI hands over what is in it. */
const noFile: Rule = { rule: '!has(self.file)', message: fileIsRead, ...forbidden('file') };

const notItself: Rule = { rule: 'self[0] != self[1]', message: 'a node cannot dial itself' };

function linkRules(): Rule[] {
  return [
    exactlyOne(places),
    {
      rule: '!has(self.between) || self.between[0] != self.between[1]',
      message: 'must name two different regions',
      fieldPath: '.between',
    },
    notBoth('rtt', 'delay'),
    atLeastOne(properties),
    jitterNeeds(['delay', 'rtt']),
  ];
}

function topologyRules(): Rule[] {
  return [
    ...topologyFields.map(({ field, model }) => ({
      rule: `!has(self.${field}) || self.model == ${literal(model)}`,
      message: `${field} belongs to model ${model}`,
      ...forbidden(field),
    })),
    {
      rule: `self.model != 'edges' || ${edgeFields.map((key) => `has(self.${key})`).join(' || ')}`,
      message: 'model edges needs the list of who dials whom',
    },
    notBoth(...edgeFields),
  ];
}

function selectorAdditions(): Additions {
  const rules = pairs.map(([one, many]) => notBoth(one, many));
  return {
    '#Selector': { 'x-kubernetes-validations': rules },
    // An empty one excludes everybody.
    '#Selector.not': { minProperties: 1, 'x-kubernetes-validations': rules },
  };
}

function faultAdditions(at: string, { openEnded }: { readonly openEnded: boolean }): Additions {
  const momentary = overAtOnce.map((kind) => `has(self.${kind})`).join(' || ');
  const timed: Rule[] = [
    {
      rule: `!has(self.__for__) || !(${momentary})`,
      message: `for has no meaning beside ${listed(overAtOnce, 'or')}`,
      ...forbidden('for'),
    },
  ];
  if (!openEnded) {
    timed.push({
      rule: `has(self.__for__) || ${momentary}`,
      message: 'needs for, a duration such as 30s',
    });
  }
  return {
    [at]: { 'x-kubernetes-validations': [exactlyOne(faultKinds), ...timed] },
    [`${at}.partition`]: {
      'x-kubernetes-validations': [
        {
          rule: '!has(self.oneWay) || !self.oneWay || self.sides.size() == 2',
          message: 'oneWay needs exactly two sides',
        },
        {
          rule: "!has(self.rest) || self.rest != 'join-first' || self.sides.size() > 1",
          message: 'cuts nothing, with one side the rest must not join it',
        },
      ],
    },
    [`${at}.link`]: {
      'x-kubernetes-validations': [atLeastOne(linkProperties), jitterNeeds(['delay'])],
    },
  };
}

function claimRules(): Rule[] {
  return [
    exactlyOne(windows),
    ...belongings
      .filter(({ belongsTo }) => belongsTo.length < windows.length)
      .map(({ field, belongsTo }) => ({
        rule: `!has(self.${field}) || ${belongsTo.map((kind) => `has(self.${kind})`).join(' || ')}`,
        message: `${field} has no meaning here, it belongs to ${belongsTo.join(', ')}`,
        ...forbidden(field),
      })),
    ...windows.map((window) => ({
      rule: `!has(self.${window}) || ${all(needs[window])}`,
      message: `${window} needs ${listed(needs[window])}`,
    })),
    notBoth('throughout', 'stays'),
  ];
}

function podAdditions(at: string): Additions {
  const rules: Rule[] = [
    {
      rule: "!has(self.value) || !has(self.operator) || self.operator != 'Exists'",
      message: 'value has no meaning beside operator Exists',
      ...forbidden('value'),
    },
    {
      rule: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
      message: 'without a key it is about all taints, and needs operator Exists',
    },
    {
      rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
      message: 'tolerationSeconds needs effect NoExecute',
      ...forbidden('tolerationSeconds'),
    },
  ];
  return { [`${at}.tolerations[]`]: { 'x-kubernetes-validations': rules } };
}

function exactlyOne(keys: readonly string[]): Rule {
  const there = keys.map((key) => `has(self.${escaped(key)})`).join(', ');
  return {
    rule: `[${there}].filter(given, given).size() == 1`,
    message: `must have exactly one of ${listed(keys, 'or')}`,
  };
}

function all(keys: readonly string[]): string {
  return `(${keys.map((key) => `has(self.${key})`).join(' && ')})`;
}

function atLeastOne(keys: readonly string[]): Rule {
  return {
    rule: keys.map((key) => `has(self.${escaped(key)})`).join(' || '),
    message: `changes nothing, must have one of ${listed(keys, 'or')}`,
  };
}

function notBoth(one: string, other: string): Rule {
  return {
    rule: `!has(self.${one}) || !has(self.${other})`,
    message: `${other} stands beside ${one}, allowed is one of them`,
    ...forbidden(other),
  };
}

function jitterNeeds(means: readonly string[]): Rule {
  return {
    rule: `!has(self.jitter) || ${means.map((key) => `has(self.${key})`).join(' || ')}`,
    message: 'jitter needs a delay beside it, at least three times as long',
    fieldPath: '.jitter',
  };
}

function forbidden(field: string): Pick<Rule, 'reason' | 'fieldPath'> {
  return { reason: 'FieldValueForbidden', fieldPath: `.${field}` };
}

const reserved = new Set(['for', 'in', 'as', 'if', 'else', 'let', 'loop', 'namespace', 'package']);

/** A field named like a word of CEL is written `__word__`. */
function escaped(key: string): string {
  return reserved.has(key) ? `__${key}__` : key;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
