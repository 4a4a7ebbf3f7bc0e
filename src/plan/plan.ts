// The plan: everything that is decided before anything starts, as plain JSON. A pure function of
// the spec: same spec and randomSeed, same plan, byte for byte.
import type { PlacedEffect } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import type { Role } from '../spec/schema.ts';

export type Plan = {
  readonly testnet: string;
  readonly randomSeed: number;
  /** Hex SHA-256 of the plan's canonical JSON without this field. */
  readonly hash: string;
  readonly protocol: string;
  readonly sampleIntervalMs: number;
  readonly durationMs?: number;
  readonly packets: 'mtu' | 'gso';
  /** Nodes find their peers by themselves: topology `none`. */
  readonly discovers: boolean;
  readonly addressing: { readonly pool: 'private' | 'public-like'; readonly netgroups: number };
  readonly regions: readonly string[];
  readonly groups: readonly PlannedGroup[];
  /** In order of group, then index. */
  readonly nodes: readonly PlannedNode[];
  /** Region links: in force from the start to the end of the run. */
  readonly base: readonly PlacedEffect[];
  /** Nodes started together; a wave starts when the one before is ready. */
  readonly waves: readonly (readonly NodeName[])[];
  readonly faults: readonly PlannedFault[];
  readonly expectations: readonly PlannedExpectation[];
};

export type PlannedGroup = {
  readonly name: string;
  readonly kind: string;
  readonly role: Role;
  readonly bootstrap: boolean;
  readonly restartPolicy: 'never' | 'always';
  readonly via: 'address' | 'dns' | 'none';
  readonly resources?: { readonly cpus?: number; readonly memoryBytes?: number };
  /** The seed list of every node of the group (a node skips itself). */
  readonly seeds: readonly NodeName[];
  /** Checked and defaulted by the kind's own schema. */
  readonly config: Readonly<Record<string, unknown>>;
};

export type PlannedNode = {
  readonly name: NodeName;
  readonly group: string;
  readonly index: number;
  /** '' when the spec has no regions. */
  readonly region: string;
  /** IPv4, virtual: the closed fabrics use it as it is. */
  readonly address: string;
  /** Whom the topology tells it to dial. */
  readonly dials: readonly NodeName[];
  /** Ready only once it has a peer. */
  readonly peered: boolean;
  /** It came while the testnet ran: it is not expected before it is ready. */
  readonly joins?: true;
};

export type PlannedFault = {
  readonly name: string;
  readonly kind: 'partition' | 'link' | 'eclipse' | 'kill' | 'pause' | 'restart';
  /** Milliseconds from time 0. */
  readonly startMs: number;
  /** Absent: kill and restart, over when done; or (ad hoc) until cleared. */
  readonly endMs?: number;
  /** Network faults only. */
  readonly effects: readonly PlacedEffect[];
  /** Node faults only. */
  readonly nodes?: {
    readonly action: 'kill' | 'pause' | 'restart';
    readonly targets: readonly NodeName[];
    readonly signal: string;
    readonly downtimeMs: number;
  };
  /** Eclipse only: for eclipse_ratio, attackers count as such for the whole run. */
  readonly attackers?: readonly NodeName[];
  readonly victims?: readonly NodeName[];
};

export type Comparison = '>=' | '<=' | '==' | '!=' | '>' | '<';
export type Claim = { readonly compare: Comparison; readonly value: number };

export type Window =
  | { readonly kind: 'at'; readonly atMs: number }
  | {
      readonly kind: 'during';
      readonly fault: string;
      readonly throughout: boolean;
      readonly settleMs: number;
      readonly staysMs: number;
    }
  | {
      readonly kind: 'after';
      readonly fault: string;
      readonly withinMs: number;
      readonly staysMs: number;
      readonly settleMs: number;
    }
  | { readonly kind: 'always'; readonly except: readonly string[]; readonly settleMs: number };

export type Aggregate = 'min' | 'max' | 'mean' | 'sum' | 'count' | 'p50' | 'p95';

export type PlannedExpectation =
  | {
      readonly name: string;
      readonly window: Window;
      readonly metric: string;
      /** Absent for network-wide metrics. */
      readonly of?: readonly NodeName[];
      readonly aggregate?: Aggregate;
      readonly claim: Claim;
    }
  | {
      readonly name: string;
      readonly log: { readonly of: readonly NodeName[]; readonly matches: string };
      readonly claim: Claim;
    };
