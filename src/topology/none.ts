// Nobody is told of anybody: discovery alone makes the network.
import type { Generator } from './generator.ts';

export const none: Generator = {
  size: () => 0,
  generate: (nodes) => ({ dials: nodes.map(() => []) }),
};
