// All dashboards: `npm run generate` writes each as dashboards/<name>.json.
import { attack } from './attack.ts';
import { chain } from './chain.ts';
import { faults } from './faults.ts';
import { network } from './network.ts';
import { node } from './node.ts';
import type { Dashboard } from './panel.ts';
import { peerstorm } from './peerstorm.ts';

export const dashboards: Readonly<Record<string, Dashboard>> = {
  network,
  faults,
  attack,
  chain,
  node,
  peerstorm,
};
