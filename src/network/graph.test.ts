import { array, assert, boolean, nat, property, record, subarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { componentsOf, type Edge, liveEdges, surroundings } from './graph.ts';

describe('live edges', () => {
  const pair = { count: 2, cuts: [] };
  test.each([
    ['reported by both', [[1], [0]], true],
    ['reported by one of two', [[1], []], false],
    ['reported by the only one that answers', [[1], undefined], true],
    ['reported by the only one that answers, the other way round', [undefined, [0]], true],
    ['reported by nobody', [[], []], false],
    [
      'reported several times by both',
      [
        [1, 1],
        [0, 0, 0],
      ],
      true,
    ],
    ['a node that reports itself', [[0], []], false],
  ])('%s', (_, peers, live) => {
    expect(liveEdges({ ...pair, peers })).toEqual(live ? [[0, 1]] : []);
  });

  test.each([
    ['there', { from: [0], to: [1] }, false],
    ['back', { from: [1], to: [0] }, false],
    ['elsewhere', { from: [0], to: [2] }, true],
    ['among the others', { from: [2], to: [0, 1, 2] }, true],
    ['between all', { from: [0, 1, 2], to: [0, 1, 2] }, false],
  ])('one that is cut %s', (_, cut, live) => {
    const edges = liveEdges({ count: 3, peers: [[1], [0], []], cuts: [cut] });
    expect(edges).toEqual(live ? [[0, 1]] : []);
  });

  test('are what a list of pairs would give', () => {
    const count = 6;
    const some = subarray([...Array.from({ length: count }).keys()]);
    const cuts = array(record({ from: some, to: some }), { maxLength: 4 });
    const peers = array(some, { minLength: count, maxLength: count });
    const answers = array(boolean(), { minLength: count, maxLength: count });
    assert(
      property(peers, answers, cuts, (lists, answering, cuts) => {
        const peers = lists.map((list, node) => (answering[node] ? list : undefined));
        const wanted: Edge[] = [];
        for (let a = 0; a < count; a += 1) {
          for (let b = a + 1; b < count; b += 1) {
            const says = [peers[a]?.includes(b), peers[b]?.includes(a)];
            const reported = says.includes(true) && !says.includes(false);
            const cut = cuts.some(
              ({ from, to }) =>
                (from.includes(a) && to.includes(b)) || (from.includes(b) && to.includes(a)),
            );
            if (reported && !cut) wanted.push([a, b]);
          }
        }
        expect(liveEdges({ count, peers, cuts })).toEqual(wanted);
      }),
    );
  });
});

describe('components', () => {
  test('join what edges join, and leave out who is left out', () => {
    const edges: Edge[] = [
      [0, 1],
      [1, 2],
      [3, 4],
    ];
    const all = componentsOf([true, true, true, true, true, true], edges);
    expect(new Set(all).size).toBe(3);
    expect(all[0]).toBe(all[2]);
    const without = componentsOf([true, false, true, true, true, true], edges);
    expect(without[1]).toBe(-1);
    expect(without[0]).not.toBe(without[2]);
  });

  test('are the reachable sets of a walk', () => {
    const edge = record({ a: nat(9), b: nat(9) });
    assert(
      property(array(edge, { maxLength: 12 }), (pairs) => {
        const edges = pairs.map(({ a, b }): Edge => [a, b]);
        const found = componentsOf(
          Array.from({ length: 10 }, () => true),
          edges,
        );
        for (let start = 0; start < 10; start += 1) {
          const reached = new Set([start]);
          for (let round = 0; round < 10; round += 1) {
            for (const [a, b] of edges) {
              if (reached.has(a)) reached.add(b);
              else if (reached.has(b)) reached.add(a);
            }
          }
          const same = found.flatMap((one, node) => (one === found[start] ? [node] : []));
          expect(same).toEqual([...reached].sort((a, b) => a - b));
        }
      }),
    );
  });
});

describe('surroundings', () => {
  // 0, 1: victims; 2, 3: attackers; 4, 5: others, joined to each other and to the attackers.
  const attacker = [false, false, true, true, false, false];
  const victim = [true, true, false, false, false, false];
  const rest: Edge[] = [
    [2, 4],
    [3, 5],
    [4, 5],
  ];
  test.each<[string, Edge[], boolean]>([
    ['attackers only', [[0, 2]], true],
    [
      'another victim and attackers',
      [
        [0, 1],
        [1, 2],
      ],
      true,
    ],
    [
      'one honest peer',
      [
        [0, 2],
        [0, 4],
      ],
      false,
    ],
    [
      'an honest peer by way of another victim',
      [
        [0, 1],
        [0, 2],
        [1, 5],
      ],
      false,
    ],
    ['nobody', [], false],
    ['another victim only', [[0, 1]], false],
  ])('a victim with %s', (_, edges, enclosed) => {
    expect(surroundings([...edges, ...rest], attacker, victim).enclosed[0]).toBe(enclosed);
  });

  test('count the attackers among the peers', () => {
    const around = surroundings([[0, 2], [0, 4], ...rest], attacker, victim);
    expect([around.degree[0], around.attackers[0]]).toEqual([2, 1]);
    expect([around.degree[5], around.attackers[5]]).toEqual([2, 1]);
  });
});
