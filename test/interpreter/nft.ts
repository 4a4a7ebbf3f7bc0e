// A small nft: applies transactions of the subset that the compiler emits, with the kernel's own
// refusals (nothing may name what is not there, nothing that is named may be deleted), and says
// what becomes of a packet. Chance is not drawn: every draw splits the packet in two with weights.

export type Packet = {
  readonly saddr: string;
  readonly daddr: string;
  readonly protocol: 'tcp' | 'udp' | 'neighbour discovery';
  readonly leaseAlive: boolean;
  readonly loopback?: boolean;
};

export type Fate = {
  readonly weight: number;
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** `major:minor` in hexadecimal; undefined if nothing chose a class. */
  readonly priority: string | undefined;
  readonly counters: readonly string[];
};

type Expression =
  | { readonly kind: 'counter'; readonly name: string }
  | { readonly kind: 'set'; readonly field: 'mark' | 'priority'; readonly value: string }
  | ({ readonly kind: 'set-map'; readonly field: 'mark' | 'priority' } & Lookup)
  | ({ readonly kind: 'address-vmap' } & Lookup)
  | { readonly kind: 'loopback' | 'neighbour' }
  | { readonly kind: 'mark-vmap'; readonly elements: ReadonlyMap<string, string> }
  | { readonly kind: 'draw'; readonly chance: number }
  | { readonly kind: 'lease-dead' }
  | { readonly kind: 'tcp' }
  | { readonly kind: 'verdict'; readonly verdict: 'accept' | 'drop' | 'reject' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

type Lookup = {
  readonly map: string;
  readonly family: 'ip' | 'ip6';
  readonly address: 'saddr' | 'daddr';
};
type Rule = readonly Expression[];
type Table = {
  readonly counters: Set<string>;
  readonly sets: Map<string, Set<string>>;
  readonly maps: Map<string, Map<string, string>>;
  readonly chains: Map<string, Rule[]>;
  readonly hooks: Set<string>;
};

export class Interpreter {
  #table: Table | undefined;

  /** One transaction: all of it or, with an error, nothing. */
  apply(text: string): void {
    const next = this.#table === undefined ? undefined : clone(this.#table);
    const work: { table: Table | undefined } = { table: next };
    for (const line of text.split('\n')) if (line.trim() !== '') applyLine(work, line.trim());
    if (work.table !== undefined) check(work.table);
    this.#table = work.table;
  }

  /** Names of all objects but counters, sorted. */
  objects(): readonly string[] {
    const { chains, maps, sets } = this.#tableOrFail();
    return [...chains.keys(), ...maps.keys(), ...sets.keys()].toSorted();
  }

  counters(): readonly string[] {
    return [...this.#tableOrFail().counters].toSorted();
  }

  /** What becomes of a packet at the hook of this chain; the weights add up to 1. */
  pass(chain: string, packet: Packet): readonly Fate[] {
    const table = this.#tableOrFail();
    if (!table.hooks.has(chain)) throw new RangeError(`${chain}: not at a hook`);
    const start = { chain, rule: 0, expression: 0 };
    return run(table, packet, {
      frames: [start],
      weight: 1,
      mark: '0',
      priority: undefined,
      counters: [],
    });
  }

  #tableOrFail(): Table {
    if (this.#table === undefined) throw new RangeError('no table');
    return this.#table;
  }
}

type Frame = { readonly chain: string; readonly rule: number; readonly expression: number };
type Walk = {
  readonly frames: readonly Frame[];
  readonly weight: number;
  readonly mark: string;
  readonly priority: string | undefined;
  readonly counters: readonly string[];
};

function run(table: Table, packet: Packet, start: Walk): readonly Fate[] {
  const fates: Fate[] = [];
  const open: Walk[] = [start];
  for (let walk = open.pop(); walk !== undefined; walk = open.pop()) {
    const frame = walk.frames.at(-1);
    if (frame === undefined) {
      fates.push(fateOf(walk, 'accept')); // the policy
      continue;
    }
    const rules = table.chains.get(frame.chain) ?? [];
    const rule = rules[frame.rule];
    const expression = rule?.[frame.expression];
    if (rule === undefined) open.push({ ...walk, frames: walk.frames.slice(0, -1) });
    else if (expression === undefined) open.push(nextRule(walk));
    else step({ table, packet, walk, expression }, open, fates);
  }
  return fates;
}

type Step = {
  readonly table: Table;
  readonly packet: Packet;
  readonly walk: Walk;
  readonly expression: Expression;
};

function step({ table, packet, walk, expression }: Step, open: Walk[], fates: Fate[]): void {
  const on = nextExpression(walk);
  switch (expression.kind) {
    case 'counter':
      open.push({ ...on, counters: [...walk.counters, expression.name] });
      return;
    case 'set':
      open.push({ ...on, [expression.field]: expression.value });
      return;
    case 'set-map': {
      const value = lookUp(table, packet, expression);
      open.push(value === undefined ? nextRule(walk) : { ...on, [expression.field]: value });
      return;
    }
    case 'address-vmap':
      open.push(follow(walk, lookUp(table, packet, expression)));
      return;
    case 'loopback':
      open.push(packet.loopback === true ? on : nextRule(walk));
      return;
    case 'neighbour':
      open.push(packet.protocol === 'neighbour discovery' ? on : nextRule(walk));
      return;
    case 'mark-vmap':
      open.push(follow(walk, expression.elements.get(walk.mark)));
      return;
    case 'draw':
      open.push({ ...on, weight: walk.weight * expression.chance });
      open.push({ ...nextRule(walk), weight: walk.weight * (1 - expression.chance) });
      return;
    case 'lease-dead':
      open.push(packet.leaseAlive ? nextRule(walk) : on);
      return;
    case 'tcp':
      open.push(packet.protocol === 'tcp' ? on : nextRule(walk));
      return;
    case 'verdict':
      fates.push(fateOf(walk, expression.verdict));
      return;
    case 'goto':
    case 'jump':
      open.push(follow(walk, `${expression.kind} ${expression.chain}`));
      return;
  }
}

function lookUp(table: Table, packet: Packet, { map, family, address }: Lookup) {
  const isOf = packet[address].includes(':') ? 'ip6' : 'ip';
  return isOf === family ? table.maps.get(map)?.get(packet[address]) : undefined;
}

function fateOf({ weight, priority, counters }: Walk, verdict: Fate['verdict']): Fate {
  return { weight, verdict, priority, counters };
}

function nextExpression(walk: Walk): Walk {
  const frame = walk.frames.at(-1);
  if (frame === undefined) return walk;
  const next = { ...frame, expression: frame.expression + 1 };
  return { ...walk, frames: [...walk.frames.slice(0, -1), next] };
}

function nextRule(walk: Walk): Walk {
  const frame = walk.frames.at(-1);
  if (frame === undefined) return walk;
  const next = { ...frame, rule: frame.rule + 1, expression: 0 };
  return { ...walk, frames: [...walk.frames.slice(0, -1), next] };
}

/** `goto` never comes back to this chain; `jump` goes on with its next rule. */
function follow(walk: Walk, verdict: string | undefined): Walk {
  if (verdict === undefined) return nextRule(walk);
  const [word, chain = ''] = verdict.split(' ');
  const target = { chain, rule: 0, expression: 0 };
  const back = word === 'jump' ? nextRule(walk).frames : walk.frames.slice(0, -1);
  return { ...walk, frames: [...back, target] };
}

function applyLine(work: { table: Table | undefined }, line: string): void {
  if (line === 'add table inet peerstorm') {
    work.table ??= {
      counters: new Set(),
      sets: new Map(),
      maps: new Map(),
      chains: new Map(),
      hooks: new Set(),
    };
    return;
  }
  const match = /^(\w+) (\w+) inet peerstorm (\w+)(?: (.*))?$/.exec(line);
  const table = work.table;
  if (match === null || table === undefined) throw new SyntaxError(line);
  const [, verb = '', object = '', name = '', rest = ''] = match;
  const command = commands[`${verb} ${object}`];
  if (command === undefined) throw new SyntaxError(line);
  command(table, name, rest);
}

const commands: Readonly<Record<string, (table: Table, name: string, rest: string) => void>> = {
  'add counter': ({ counters }, name) => counters.add(name),
  'add set': ({ sets }, name) => sets.set(name, sets.get(name) ?? new Set()),
  'add map': ({ maps }, name, rest) => {
    if (!/^\{ type ipv[46]_addr : (?:mark|verdict|classid); \}$/.test(rest)) {
      throw new SyntaxError(rest);
    }
    maps.set(name, maps.get(name) ?? new Map());
  },
  'add chain': (table, name, rest) => {
    table.chains.set(name, table.chains.get(name) ?? []);
    if (rest !== '') table.hooks.add(name);
  },
  'add rule': ({ chains }, name, rest) => existing(chains, name).push(parseRule(rest)),
  'insert rule': ({ chains }, name, rest) => existing(chains, name).unshift(parseRule(rest)),
  'add element': ({ maps, sets }, name, rest) => {
    const set = sets.get(name);
    if (set !== undefined) {
      for (const item of inner(rest)) set.add(item.split(' ')[0] ?? '');
      return;
    }
    const map = existing(maps, name);
    for (const [key, value] of pairs(rest)) {
      if ((map.get(key) ?? value) !== value) throw new RangeError(`${name}: ${key} is there`);
      map.set(key, value);
    }
  },
  'flush chain': ({ chains }, name) => existing(chains, name).splice(0),
  'flush map': ({ maps }, name) => existing(maps, name).clear(),
  'flush set': ({ sets }, name) => existing(sets, name).clear(),
  'delete chain': (table, name) => {
    existing(table.chains, name);
    // As the kernel: refused at once while a rule of another chain or an element leads there.
    if (referencesOf(without(table, name)).chains.has(name)) throw new RangeError(`${name}: busy`);
    table.chains.delete(name);
  },
  'delete map': (table, name) => {
    existing(table.maps, name);
    if (referencesOf(table).maps.has(name)) throw new RangeError(`${name}: busy`);
    table.maps.delete(name);
  },
};

/** The table but for the rules of one chain. */
function without(table: Table, chain: string): Table {
  return { ...table, chains: new Map([...table.chains].filter(([name]) => name !== chain)) };
}

function existing<V>(objects: ReadonlyMap<string, V>, name: string): V {
  const found = objects.get(name);
  if (found === undefined) throw new RangeError(`${name}: no such object`);
  return found;
}

function parseRule(text: string): Rule {
  const expressions: Expression[] = [];
  let rest = text;
  while (rest !== '') {
    const found = grammar
      .map(({ pattern, make }) => ({ match: pattern.exec(rest), make }))
      .find(({ match }) => match !== null);
    if (found?.match == null) throw new SyntaxError(rest);
    expressions.push(found.make(found.match));
    rest = rest.slice(found.match[0].length).trimStart();
  }
  return expressions;
}

type Production = {
  readonly pattern: RegExp;
  readonly make: (match: RegExpExecArray) => Expression;
};

const grammar: readonly Production[] = [
  { pattern: /^counter name (\w+)/, make: ([, name = '']) => ({ kind: 'counter', name }) },
  {
    pattern: /^meta (mark|priority) set (ip6?) ([sd]addr) map @(\w+)/,
    make: ([, field, ...lookup]) => ({
      kind: 'set-map',
      field: fieldOf(field),
      ...lookupOf(lookup),
    }),
  },
  {
    pattern: /^meta (mark|priority) set ([0-9a-f:]+)(?= |$)/,
    make: ([, field, value = '']) => ({ kind: 'set', field: fieldOf(field), value }),
  },
  {
    pattern: /^(ip6?) ([sd]addr) vmap @(\w+)/,
    make: ([, ...lookup]) => ({ kind: 'address-vmap', ...lookupOf(lookup) }),
  },
  { pattern: /^[io]if lo(?= )/, make: () => ({ kind: 'loopback' }) },
  { pattern: /^icmpv6 type \{ nd-[^}]+\}/, make: () => ({ kind: 'neighbour' }) },
  {
    pattern: /^meta mark vmap (\{ [^}]+ \})/,
    make: ([, text = '']) => ({ kind: 'mark-vmap', elements: new Map(pairs(text)) }),
  },
  {
    pattern: /^numgen random mod 1000000 < (\d+)/,
    make: ([, below]) => ({ kind: 'draw', chance: Number(below) / 1e6 }),
  },
  { pattern: /^meta nfproto != @lease/, make: () => ({ kind: 'lease-dead' }) },
  { pattern: /^meta l4proto tcp/, make: () => ({ kind: 'tcp' }) },
  {
    pattern: /^reject with (?:tcp reset|icmpx admin-prohibited)/,
    make: () => ({ kind: 'verdict', verdict: 'reject' }),
  },
  { pattern: /^drop/, make: () => ({ kind: 'verdict', verdict: 'drop' }) },
  { pattern: /^accept/, make: () => ({ kind: 'verdict', verdict: 'accept' }) },
  { pattern: /^jump (\w+)/, make: ([, chain = '']) => ({ kind: 'jump', chain }) },
  { pattern: /^goto (\w+)/, make: ([, chain = '']) => ({ kind: 'goto', chain }) },
];

function lookupOf([family, address, map = '']: readonly (string | undefined)[]): Lookup {
  return {
    map,
    family: family === 'ip6' ? 'ip6' : 'ip',
    address: address === 'saddr' ? 'saddr' : 'daddr',
  };
}

function fieldOf(text: string | undefined): 'mark' | 'priority' {
  return text === 'mark' ? 'mark' : 'priority';
}

function inner(text: string): readonly string[] {
  return text.replace(/^\{ /, '').replace(/ \}$/, '').split(', ');
}

function pairs(text: string): readonly (readonly [string, string])[] {
  return inner(text).map((item) => {
    const [key = '', value = ''] = item.split(' : ');
    return [key, value] as const;
  });
}

function referencesOf({ chains, maps }: Table) {
  const rules = [...chains.values()].flat(2);
  const verdicts = [
    ...[...maps.values()].flatMap((map) => [...map.values()]),
    ...rules.flatMap((one) => (one.kind === 'mark-vmap' ? [...one.elements.values()] : [])),
  ];
  return {
    chains: new Set([
      ...verdicts.flatMap((verdict) => /^(?:goto|jump) (\w+)$/.exec(verdict)?.[1] ?? []),
      ...rules.flatMap((one) => ('chain' in one ? [one.chain] : [])),
    ]),
    maps: new Set(rules.flatMap((one) => ('map' in one ? [one.map] : []))),
    counters: new Set(rules.flatMap((one) => (one.kind === 'counter' ? [one.name] : []))),
  };
}

/** Nothing names what is not there. */
function check(table: Table): void {
  const references = referencesOf(table);
  for (const chain of references.chains) existing(table.chains, chain);
  for (const map of references.maps) existing(table.maps, map);
  for (const counter of references.counters) {
    if (!table.counters.has(counter)) throw new RangeError(`${counter}: no such counter`);
  }
}

function clone({ counters, sets, maps, chains, hooks }: Table): Table {
  return {
    counters: new Set(counters),
    sets: new Map([...sets].map(([name, set]) => [name, new Set(set)])),
    maps: new Map([...maps].map(([name, map]) => [name, new Map(map)])),
    chains: new Map([...chains].map(([name, rules]) => [name, [...rules]])),
    hooks: new Set(hooks),
  };
}
