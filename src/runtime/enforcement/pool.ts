// So many tasks at once, those that cannot wait first: a hundred enforcers in one process change
// the network of their pods before any of them reads back what it did.

/**
 * `now`: begins at once, whoever else is at it. `soon`: in its turn. `later`: in its turn after
 * those, and while nothing is done `now`.
 */
export type Urgency = 'now' | 'soon' | 'later';

export type Pool = <T>(task: () => Promise<T>, urgency: Urgency) => Promise<T>;

export function createPool(size: number): Pool {
  const waiting: Readonly<Record<'soon' | 'later', (() => void)[]>> = { soon: [], later: [] };
  let free = size;
  let atOnce = 0;
  const fill = () => {
    while (free > 0) {
      const start = waiting.soon.shift() ?? (atOnce === 0 ? waiting.later.shift() : undefined);
      if (start === undefined) return;
      free -= 1;
      start();
    }
  };
  return async (task, urgency) => {
    if (urgency === 'now') atOnce += 1;
    else {
      const turn = new Promise<void>((start) => waiting[urgency].push(start));
      fill();
      await turn;
    }
    try {
      return await task();
    } finally {
      if (urgency === 'now') atOnce -= 1;
      else free += 1;
      fill();
    }
  };
}
