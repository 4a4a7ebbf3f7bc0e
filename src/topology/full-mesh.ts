// Everybody is connected to everybody.
import type { Generator } from './generator.ts';

export const fullMesh: Generator = {
  size: (nodes) => (nodes * (nodes - 1)) / 2,
  generate: (nodes) => ({
    dials: nodes.map((_, position) => Array.from({ length: position }, (_, other) => other)),
  }),
};
