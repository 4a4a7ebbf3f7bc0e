// The extension point: a kind of node is data plus small pure functions. One file added here (and
// one line in index.ts) is one kind added. Nothing here does I/O: a kind says what to launch and
// what to ask, runtimes do it.
import type { z } from 'zod';
import type { Description } from '../metrics/exposition.ts';
import type { NodeName } from '../names.ts';
import type { Observation } from '../network/observation.ts';
import type { Role } from '../spec/schema.ts';

/** Something to ask of a node. Always sent to the node's own address. */
export type NodeRequest =
  | {
      readonly type: 'http';
      readonly port: number;
      readonly path: string;
      readonly method?: 'GET' | 'POST';
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly type: 'tcp'; readonly port: number };

export type NodeReply = { readonly status: number; readonly body: string };

/** Another node, as a kind needs to know it to write seeds and dials. */
export type PeerReference = {
  readonly name: NodeName;
  /** Where others reach it: an IPv4, or (on Kubernetes) a name. */
  readonly address: string;
  /** 32 bytes of hex drawn from randomSeed and the name: makes keys and streams reproducible. */
  readonly identity: string;
  /** Of the node itself only: what its passwords are made from; default: `identity`. */
  readonly secret?: string;
};

/**
 * Stands for the node's own address where nobody knows it before the node is there. Whoever starts
 * the node puts the address in its place in argv and environment, not in files.
 */
export const ownAddressReference = '$(POD_IP)';

/** What a kind is given to launch one node. */
export type LaunchContext<Config> = PeerReference & {
  readonly testnet: string;
  /** The testnet's; what differs from node to node is `identity`. */
  readonly randomSeed: number;
  readonly group: string;
  readonly index: number;
  readonly role: Role;
  readonly region: string;
  /** Where it listens; default: `address`. See `ownAddressReference`. */
  readonly ownAddress?: string;
  /** As the node sees it. The node may write here only. */
  readonly dataDirectory: string;
  readonly seeds: readonly PeerReference[];
  readonly dials: readonly PeerReference[];
  /** Is it to find peers by itself? Absent: if it has no dials. A topology of dials: false. */
  readonly discovers?: boolean;
  readonly config: Config;
  /** All nodes of the testnet, for shares of the whole (hash rate). */
  readonly nodes: readonly {
    readonly name: NodeName;
    readonly role: Role;
    readonly config: unknown;
  }[];
};

export type Launch = {
  /** Program and arguments; the program is a path, a name on PATH, or `node:<bundle name>`. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Files to write before the start, by path relative to the data directory. */
  readonly files: Readonly<Record<string, string>>;
  readonly stop: { readonly signal: NodeJS.Signals; readonly graceSeconds: number };
};

export type Readiness =
  | { readonly type: 'request'; readonly request: NodeRequest }
  | { readonly type: 'log'; readonly matches: string }
  | { readonly type: 'command'; readonly argv: readonly string[] };

/** Something that Peerstorm does to a node again and again at exponential times (mining). */
export type Duty = {
  readonly name: string;
  readonly meanMs: number;
  readonly request: NodeRequest;
};

/** What is wrong in a config, and where inside it. */
export type Problem = {
  readonly path: readonly (string | number)[];
  readonly message: string;
};

/**
 * Its functions are declared as methods, which lets kinds of any config into one table: sound,
 * because a config reaches a kind only through that kind's own schema.
 */
export type Kind<Config = unknown> = {
  readonly name: string;
  /** All groups of one testnet speak one protocol. */
  protocol(config: Config): string;
  readonly roles: readonly Role[];
  /** Asked with its password, which agents are not told: on Kubernetes the controller asks. */
  readonly needsPassword?: true;
  /** Checks and defaults a group's `config`. */
  readonly config: z.ZodType<Config>;
  /** What docs/kinds.md says after the fields of the config, in Markdown. */
  readonly notes?: string;
  /** Its own rules treat private addresses badly: `validate` warns on `pool: private`. */
  readonly needsRoutable: boolean;
  /** Problems of the config that need the whole group, with the path inside config. */
  check?(config: Config): readonly Problem[];
  /** Programs that must be on the host: refused before anything starts if they are not. */
  programs?(config: Config): readonly string[];
  launch(context: LaunchContext<Config>): Launch;
  ready(config: Config, context: LaunchContext<Config>): Readiness;
  duties?(context: LaunchContext<Config>): readonly Duty[];
  /** Asked once a sample or more rarely, in order. Empty: the node is not observed. */
  observe(config: Config, context: ReadContext<Config>): readonly NodeRequest[];
  /** Reads the answers; throws when they are not understood. */
  read(replies: readonly NodeReply[], context: ReadContext<Config>): Observation;
  /** Where the node shows its metrics to Prometheus; nowhere: those of observations are shown. */
  expositions?(config: Config): readonly NodeRequest[];
  /** What the metrics of an observation are, by name. */
  readonly metrics?: Readonly<Record<string, Description>>;
};

/** Of one observation: the same for asking and for reading the answers. */
export type ReadContext<Config> = {
  readonly config: Config;
  /** Who is asked. */
  readonly node: PeerReference;
  /** The one before, for kinds that must derive events (reorgs) from differences. */
  readonly previous: Observation | undefined;
};

/** All kinds by name; src/kinds/index.ts has the one that is used. */
export type KindTable = ReadonlyMap<string, Kind>;
