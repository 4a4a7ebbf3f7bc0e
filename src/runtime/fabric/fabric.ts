// The virtual network of one host, shared by the local and the docker runtime. This process is
// the router: it runs in network, mount and process namespaces of its own, every packet between
// nodes passes through it, and so one transaction here changes the network for everybody at once.
// A fabric is closed: nothing leads from a node to the host or outside. It leaves nothing behind,
// because all of it lives in namespaces that end with this process.
import { strict as assert } from 'node:assert';
import type { NodeName } from '../../names.ts';
import { nftAhead } from '../enforcement/ahead.ts';
import { Enforcer } from '../enforcement/enforcer.ts';
import type { EnforcementPoint } from '../enforcement/point.ts';
import type { Enforcement, ProbePair, ProbeResult, Schedule } from '../runtime.ts';
import { attempt, createQueue } from './kernel-commands.ts';
import {
  addPorts,
  deviceName,
  netnsPath,
  openRouter,
  type Packets,
  type Port,
} from './namespaces.ts';
import { Prober } from './probes.ts';

export type FabricOptions = {
  /** `mtu`: one packet is one packet, as on a wire. `gso`: fast, in packets of up to 64 KB. */
  readonly packets: Packets;
  /** How long faults outlive us; a schedule may say otherwise. */
  readonly leaseSeconds: number;
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
};

export type FabricNode = { readonly name: NodeName; readonly address: string };

export interface Fabric extends AsyncDisposable {
  /** Resolves when the nodes' network is up and under the faults in force. */
  add(nodes: readonly FabricNode[]): Promise<void>;
  /** Path of the node's network namespace, for `nsenter --net=`. */
  netns(name: NodeName): string;
  /** The whole desired state; resolves when what is due of it is in force. */
  enforce(schedule: Schedule): Promise<void>;
  enforcement(): Enforcement;
  onChange(listener: () => void): void;
  probe(pairs: readonly ProbePair[], signal: AbortSignal): Promise<readonly ProbeResult[]>;
}

/** To be called once, in a process that is the first of fresh namespaces. */
export async function openFabric(options: FabricOptions): Promise<Fabric> {
  await openRouter(options.signal);
  const ports = new Map<NodeName, Port & { readonly device: string }>();
  const point: EnforcementPoint = {
    place: { kind: 'fabric' },
    tool: attempt,
    addresses: () => new Map([...ports].map(([name, { address }]) => [name, [address]])),
    deviceOf: (name) => ports.get(name)?.device ?? 'none',
    // One for all nodes: an ad-hoc fault does not wait for it either.
    ahead: nftAhead(Infinity, ['nft', '-f', '-']),
  };
  const enforcer = new Enforcer(point, options.leaseSeconds);
  await enforcer.nodesChanged();
  const prober = new Prober();
  const queue = createQueue();
  let lastId = -1;
  const portOf = (name: NodeName) => {
    const port = ports.get(name);
    assert(port !== undefined, `no node ${name} in the fabric`);
    return port;
  };
  return {
    add: (nodes) =>
      queue(async () => {
        const added = nodes.map(({ name, address }) => {
          assert(!ports.has(name), `node ${name} is in the fabric already`);
          lastId += 1;
          return { name, id: lastId, address, device: deviceName(lastId) };
        });
        await addPorts(added, options);
        for (const { name, ...port } of added) ports.set(name, port);
        await enforcer.nodesChanged();
      }),
    netns: (name) => netnsPath(portOf(name).id),
    enforce: (schedule) => enforcer.enforce(schedule),
    enforcement: () => enforcer.enforcement(),
    onChange: (listener) => enforcer.onChange(listener),
    probe: (pairs, signal) =>
      prober.probe(pairs, {
        placeOf: (name) => ({ netns: netnsPath(portOf(name).id), address: portOf(name).address }),
        longestDelayMs: enforcer.longestDelayMs(),
        signal: AbortSignal.any([signal, options.signal]),
      }),
    async [Symbol.asyncDispose]() {
      await prober[Symbol.asyncDispose]();
      await enforcer[Symbol.asyncDispose]();
    },
  };
}
