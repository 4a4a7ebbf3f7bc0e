// The known word that was probably meant. Swapped neighbours count as one slip (optimal string
// alignment), because `cuont` is the commonest way to miss `count`; plain edit distance calls it 2.

/** The candidate nearest to `word`, or undefined if none is near enough to be a slip. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, distance: slips(folded(word), folded(candidate)) }))
    .filter(({ candidate, distance }) => distance <= allowedSlips(word, candidate))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** `random_seed` and `RandomSeed` are `randomSeed`. */
function folded(word: string): string {
  return word.slice(0, 80).toLowerCase().replaceAll(/[-_]/g, '');
}

function allowedSlips(word: string, candidate: string): number {
  return Math.floor((Math.max(word.length, candidate.length) + 1) / 3);
}

function slips(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(
        at(above, column) + 1,
        at(current, column - 1) + 1,
        at(above, column - 1) + (same ? 0 : 1),
      );
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) best = Math.min(best, at(before, column - 2) + 1);
      current.push(best);
    }
    before = above;
    above = current;
  }
  return at(above, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
