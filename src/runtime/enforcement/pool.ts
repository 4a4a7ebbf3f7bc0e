// So many tasks at once, those that cannot wait first: a hundred enforcers in one process change
// the network of their pods before any of them reads back what it did.

export type Pool = <T>(
  task: () => Promise<T>,
  options?: { readonly later?: boolean },
) => Promise<T>;

export function createPool(size: number): Pool {
  const urgent: (() => void)[] = [];
  const patient: (() => void)[] = [];
  let free = size;
  const next = () => {
    const start = urgent.shift() ?? patient.shift();
    if (start === undefined) free += 1;
    else start();
  };
  return async (task, { later = false } = {}) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((start) => (later ? patient : urgent).push(start));
    try {
      return await task();
    } finally {
      next();
    }
  };
}
