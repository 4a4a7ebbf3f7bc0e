// The agent of one host: enforces the faults of testnets in the pods that run here. It follows the
// pods of its host and the NetworkStates of their testnets, which say who is where and what is in
// force from when to when; every pod then keeps its schedule by itself, so a fault's start and end
// need no API server. What was done is said in one HostReport. It acts only on pods that are shown
// to be ours (selection.ts), inside network namespaces that are shown to be theirs
// (pod-namespace.ts). When it ends, rules stay as long as their lease; a new one takes them over.
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Api, type Cache, resources } from '../runtime/kubernetes/api.ts';
import { apiVersion, type HostReport, labels } from '../runtime/kubernetes/objects.ts';
import type { ObservationPage } from '../runtime/kubernetes/observations.ts';
import type { AgentMetrics, TestnetGauges } from './metrics.ts';
import { createOrders, type Orders } from './orders.ts';
import { createOrphanSweep } from './orphans.ts';
import { openProcessTable, type PodProcess, type ProcessTable } from './processes.ts';
import { type Reporter, startReporter } from './reporter.ts';
import { type Claim, claimOf, type Pod } from './selection.ts';
import { createTestnetAgent, type TestnetAgent } from './testnet-agent.ts';

export type AgentOptions = {
  readonly api: Pick<Api, 'get' | 'list' | 'apply' | 'follow'>;
  /** As the API names it. */
  readonly host: string;
  /** Where HostReports are. */
  readonly namespace: string;
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  /** The host's /proc. */
  readonly proc: string;
  readonly version: string;
  /** Where it says what nodes answer; undefined: it does not. */
  readonly address: string | undefined;
  /** Why nodes cannot be killed and paused here, or undefined if they can. */
  readonly nodeFaultsProblem: string | undefined;
  readonly capabilities: () => Promise<HostReport['capabilities']>;
  readonly metrics: (look: () => readonly TestnetGauges[]) => AgentMetrics;
  readonly log: (level: 'info' | 'error', message: string) => void;
  readonly times?: Partial<Times>;
};

/** How often is looked for what nobody announces. */
type Times = {
  readonly lookMs: number;
  /** While something may appear that must not run. */
  readonly glanceMs: number;
  readonly sweepMs: number;
  readonly capabilitiesMs: number;
};

const usualTimes: Times = {
  lookMs: 1_000,
  glanceMs: 20,
  sweepMs: 60_000,
  capabilitiesMs: 600_000,
};
/** Changes that come together are looked at once. */
const togetherMs = 10;
/** A scan is shared by all who want one at the time. */
const scanAgeMs = 150;
/** As often all processes are read again: a number may be that of another by now. */
const wholeScanMs = 10_000;
/** Nothing has been done for so long: it hangs. */
const stuckMs = 120_000;

export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { api, host: name, namespace, log } = options;
  // Without it the agent begins anew, which costs the times of faults that are over.
  const before = await api
    .get<HostReport>(resources.hostReports, { namespace, name })
    .catch((error: unknown) => {
      log('error', `the report of the agent before: ${messageOf(error)}`);
      return undefined;
    });
  return new Agent(options, before);
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #times: Times;
  readonly #before: HostReport | undefined;
  readonly #startedAt = systemClock.now();
  readonly #stop = new AbortController();
  readonly #table: ProcessTable;
  readonly #pods: readonly Cache<Pod>[];
  /** By `namespace/name`. */
  readonly #testnets = new Map<string, TestnetAgent>();
  readonly #orders: Orders;
  readonly #metrics: AgentMetrics;
  readonly #reporter: Reporter;
  readonly #work: readonly Promise<void>[];
  #capabilities: HostReport['capabilities'] = [];
  #scan: { readonly at: number; readonly processes: readonly PodProcess[] } | undefined;
  #scannedAt = -Infinity;
  #soon: NodeJS.Timeout | undefined;
  #glance: NodeJS.Timeout | undefined;
  #turnedAt = systemClock.now();
  #ready = false;

  constructor(options: AgentOptions, before: HostReport | undefined) {
    this.#options = options;
    this.#before = before;
    this.#times = { ...usualTimes, ...options.times };
    this.#table = openProcessTable(options.proc);
    this.#metrics = options.metrics(() => this.#gauges());
    this.#orders = createOrders({
      table: this.#table,
      unable: options.nodeFaultsProblem,
      onChange: () => this.#reporter.changed(),
    });
    this.#pods = this.#followPods();
    for (const cache of this.#pods) cache.onChange(() => this.#turnSoon());
    this.#reporter = startReporter({
      api: options.api,
      make: () => this.report(),
      onProblem: (text) => options.log('error', text),
    });
    this.#work = [this.#look(), this.#sweep(), this.#tryOut()];
  }

  /** Undefined when all is well. An API server that is away is no reason to begin anew. */
  unhealthy(): string | undefined {
    const seconds = Math.round((systemClock.now() - this.#turnedAt) / 1_000);
    return seconds * 1_000 < stuckMs ? undefined : `nothing was done for ${seconds} s`;
  }

  /** Undefined once it knows its pods. */
  unready(): string | undefined {
    return this.#ready ? undefined : 'the pods of this host are not known yet';
  }

  report(): HostReport {
    const { host, namespace, version, address } = this.#options;
    return {
      apiVersion,
      kind: 'HostReport',
      metadata: { name: host, namespace },
      host,
      reportedAt: new Date().toISOString(),
      agentStartedAt: new Date(this.#startedAt).toISOString(),
      agentVersion: version,
      ...(address === undefined ? {} : { agentAddress: address }),
      capabilities: this.#capabilities,
      testnets: [...this.#testnets.values()].flatMap((each) => each.report() ?? []),
    };
  }

  observations(uid: string, since: string): ObservationPage | undefined {
    for (const testnet of this.#testnets.values()) {
      const page = testnet.observations(uid, since);
      if (page !== undefined) return page;
    }
    return undefined;
  }

  /** Rules stay in force as long as their lease; one last report. */
  async close(): Promise<void> {
    // While it is known what is in force.
    await this.#reporter.close();
    this.#stop.abort();
    clearTimeout(this.#soon);
    clearTimeout(this.#glance);
    await Promise.all(this.#work);
    await Promise.all([...this.#testnets.values()].map((each) => each.close('leave')));
  }

  #followPods(): readonly Cache<Pod>[] {
    const { api, host, watchNamespaces } = this.#options;
    const scope = { fieldSelector: `spec.nodeName=${host}`, labelSelector: labels.testnet };
    const scopes =
      watchNamespaces.length === 0
        ? [scope]
        : watchNamespaces.map((namespace) => ({ ...scope, namespace }));
    return scopes.map((each) => api.follow<Pod>(resources.pods, each, this.#stop.signal));
  }

  /** Whether a pod that no testnet here claims, perhaps without our label, is in our namespaces. */
  async #watches(uid: string): Promise<boolean> {
    const { api, host, watchNamespaces } = this.#options;
    if (watchNamespaces.length === 0) return true;
    const fieldSelector = `spec.nodeName=${host}`;
    for (const namespace of watchNamespaces) {
      const pods = await api.list<Pod>(resources.pods, { namespace, fieldSelector });
      if (pods.some(({ metadata }) => metadata.uid === uid)) return true;
    }
    return false;
  }

  #turnSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#turn();
    }, togetherMs);
  }

  /** Decides anew for everybody, from what is known now. */
  #turn(): void {
    if (this.#stop.signal.aborted || !this.#ready) return;
    this.#turnedAt = systemClock.now();
    const { host } = this.#options;
    const claims = this.#pods
      .flatMap((cache) => cache.values())
      .flatMap((pod) => claimOf(pod, host) ?? []);
    const byTestnet = Map.groupBy(claims, ({ testnet }) => `${testnet.namespace}/${testnet.name}`);
    for (const [key, testnet] of this.#testnets) {
      if (byTestnet.has(key)) continue;
      this.#testnets.delete(key);
      void testnet.close('heal');
    }
    for (const [key, own] of byTestnet) {
      const testnet = this.#testnets.get(key) ?? this.#addTestnet(key, own);
      testnet.follow(own);
    }
    this.#followOrders();
    this.#reporter.changed();
  }

  #addTestnet(key: string, [claim]: readonly Claim[]): TestnetAgent {
    const { namespace = '', name = '' } = claim?.testnet ?? {};
    const testnet = createTestnetAgent({
      api: this.#options.api,
      namespace,
      name,
      table: this.#table,
      processes: () => this.#processes(),
      orderState: (uid) => this.#orders.state(uid),
      metrics: this.#metrics,
      before: this.#before?.testnets.find(
        (each) => each.namespace === namespace && each.name === name,
      ),
      onFailure: (message) => this.#options.log('error', message),
      onLearnt: () => this.#turnSoon(),
      onChange: () => this.#reporter.changed(),
      signal: this.#stop.signal,
    });
    this.#testnets.set(key, testnet);
    return testnet;
  }

  #processes(): readonly PodProcess[] {
    const now = systemClock.now();
    if (this.#scan === undefined || now - this.#scan.at > scanAgeMs) {
      const whole = now - this.#scannedAt > wholeScanMs;
      if (whole) this.#scannedAt = now;
      this.#scan = { at: now, processes: whole ? this.#table.scan() : this.#table.glance() };
    }
    return this.#scan.processes;
  }

  /** UIDs of the pods that are in the hands of a testnet. */
  #claimed(): ReadonlySet<string> {
    return new Set([...this.#testnets.values()].flatMap((testnet) => testnet.claimed()));
  }

  #followOrders(): void {
    clearTimeout(this.#glance);
    const testnets = [...this.#testnets.values()];
    const watchful = this.#orders.follow(
      testnets.flatMap((testnet) => testnet.own()),
      {
        claimed: this.#claimed(),
        processes: () => this.#table.glance(),
      },
    );
    if (!watchful) return;
    this.#glance = setTimeout(() => this.#followOrders(), this.#times.glanceMs);
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    await Promise.all(this.#pods.map((cache) => cache.synced()));
    this.#ready = true;
    while (!signal.aborted) {
      try {
        this.#turn();
        for (const testnet of this.#testnets.values()) testnet.check();
      } catch (error) {
        this.#options.log('error', messageOf(error));
      }
      await pause(this.#times.lookMs, signal);
    }
  }

  async #sweep(): Promise<void> {
    const { signal } = this.#stop;
    const { log, nodeFaultsProblem } = this.#options;
    const orphans = createOrphanSweep(this.#table, {
      signals: nodeFaultsProblem === undefined,
      // Looked at again: it may have become ours since the sweep began.
      responsible: async (pod) => (await this.#watches(pod)) && !this.#claimed().has(pod),
    });
    while (!signal.aborted) {
      if (this.#ready) {
        try {
          const freed = await orphans.sweep(this.#claimed());
          this.#metrics.freed(freed.length);
          for (const uid of freed) log('info', `freed pod ${uid} of rules that were left in it`);
        } catch (error) {
          log('error', messageOf(error));
        }
      }
      await pause(this.#ready ? this.#times.sweepMs : this.#times.lookMs, signal);
    }
  }

  async #tryOut(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#capabilities = await this.#options.capabilities();
        this.#reporter.changed();
      } catch (error) {
        this.#options.log('error', messageOf(error));
      }
      if (this.#capabilities.length > 0 && this.#capabilities.every(({ ok }) => ok)) return;
      await pause(this.#times.capabilitiesMs, signal);
    }
  }

  #gauges(): readonly TestnetGauges[] {
    return [...this.#testnets.values()].flatMap((testnet) => testnet.gauges() ?? []);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}
