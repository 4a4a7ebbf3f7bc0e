// Small networks for the cases: one text for what they share.
import type { Report } from '../../src/report/result.ts';
import type { During } from './harness.ts';

export type Network = {
  /** Lines of YAML lists, such as `- { name: full, count: 3, kind: reference }`. */
  readonly groups?: string;
  readonly topology?: string;
  readonly faults?: string;
  readonly expect?: string;
  /** Further lines of `spec`. */
  readonly more?: string;
};

export const plain = 'config: { encryption: plaintext }';

/** Four nodes, each connected with each; time between blocks so that two miners soon differ. */
export const fourNodes = `
  - { name: boot, count: 1, kind: reference, bootstrap: true, ${plain} }
  - { name: full, count: 3, kind: reference, ${plain} }`;
export const fourMiners = `
  - name: boot
    count: 1
    kind: reference
    role: miner
    bootstrap: true
    config: { encryption: plaintext, blockInterval: 500ms }
  - name: full
    count: 3
    kind: reference
    role: miner
    config: { encryption: plaintext, blockInterval: 500ms }`;

export function specOf(network: Network): string {
  const { groups = fourNodes, topology = '{ model: full-mesh }', more = '' } = network;
  return `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: case }
spec:
  randomSeed: 7
  ${more}
  groups: ${list(groups)}
  topology: ${topology}
  faults: ${list(network.faults)}
  expect: ${list(network.expect)}
`;
}

function list(lines: string | undefined): string {
  return lines === undefined ? '[]' : `\n${lines}`;
}

/** Of a report: the status, and all that went wrong, so that a failure explains itself. */
export function verdictOf({ exitCode, problems, expectations }: Report) {
  const open = expectations.filter(({ status }) => status !== 'passed');
  return { exitCode, problems, failed: open.map(({ name, reason }) => `${name}: ${reason}`) };
}

export const passed = { exitCode: 0, problems: [], failed: [] };

/** Waits until so many seconds after time 0. */
export async function untilElapsed(
  { session, sleep }: Pick<During, 'session' | 'sleep'>,
  seconds: number,
): Promise<void> {
  for (let elapsed: number | undefined; (elapsed ?? -1) < seconds; await sleep(50)) {
    ({ elapsed } = await session.status());
  }
}
