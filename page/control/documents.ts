// Faults that are made on the page, as documents of the same kind as `peerstorm fault apply` takes.
import type { PageState } from '../../src/web/state.ts';

export type Wish =
  | { readonly kind: 'partition'; readonly picked: readonly string[] }
  | {
      readonly kind: 'eclipse';
      readonly picked: readonly string[];
      readonly attackers: readonly string[];
    }
  | {
      readonly kind: 'link';
      readonly picked: readonly string[];
      readonly lossPercent: number;
      readonly delayMs: number;
    };

const stems = { partition: 'split', eclipse: 'eclipse', link: 'link' } as const;

/** `seconds` absent: until it is cleared. */
export function faultDocument(state: PageState, wish: Wish, seconds: number | undefined): object {
  return {
    apiVersion: 'peerstorm.dev/v1alpha1',
    kind: 'Fault',
    metadata: { name: freeName(state, `page-${stems[wish.kind]}`) },
    spec: {
      testnet: state.testnet,
      ...(seconds === undefined ? {} : { for: `${seconds}s` }),
      [wish.kind]: parametersOf(wish),
    },
  };
}

function parametersOf(wish: Wish): object {
  const nodes = { nodes: wish.picked };
  if (wish.kind === 'partition') return { sides: [nodes] };
  if (wish.kind === 'eclipse') return { victims: nodes, attackers: { nodes: wish.attackers } };
  const { lossPercent, delayMs } = wish;
  return {
    from: nodes,
    to: {},
    symmetric: true,
    ...(lossPercent > 0 && { loss: `${lossPercent}%` }),
    ...(delayMs > 0 && { delay: `${delayMs}ms` }),
  };
}

function freeName({ faults }: PageState, stem: string): string {
  for (let number = 1; ; number += 1) {
    const name = `${stem}-${number}`;
    if (faults[name] === undefined) return name;
  }
}
