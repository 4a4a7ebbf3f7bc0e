// Follows one testnet that has pods on this host: reads its uid once, and its NetworkStates as long
// as pods of it are here. A Testnet's own object changes each second, so it is not followed.
import { messageOf } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Api, type Cache, resources } from '../runtime/kubernetes/api.ts';
import { labels, type NetworkState, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import { type NetworkView, networkView } from './network-view.ts';
import { type Received, readState } from './received.ts';

type Parsed = Received<Pick<NetworkState, 'testnet' | 'nodes' | 'schedule'>>;

/** A pod of another uid may be of a Testnet that has just been made anew; or of none, for ever. */
const again = { leastMs: 1_000, mostMs: 60_000 };

export type WatchOptions = {
  readonly api: Pick<Api, 'get' | 'follow'>;
  readonly namespace: string;
  readonly name: string;
  readonly onLearnt: () => void;
};

export class TestnetWatch implements Disposable {
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  readonly #states: Cache<NetworkState>;
  readonly #parsed = new Map<string, readonly [NetworkState, Parsed]>();
  #uid: string | undefined;
  /** The server has said which uid it has, or that there is none. */
  #known = false;
  #readAt = 0;
  #patienceMs = again.leastMs;
  #synced = false;
  /** The view is not of the newest states. */
  #stale = true;
  #view: NetworkView | undefined;
  #problem: string | undefined;

  constructor(options: WatchOptions) {
    const { api, namespace, name, onLearnt } = options;
    this.#options = options;
    const scope = { namespace, labelSelector: `${labels.testnet}=${name}` };
    this.#states = api.follow(resources.networkStates, scope, this.#stop.signal);
    this.#states.onChange(() => {
      this.#stale = true;
      onLearnt();
    });
    void this.#states.synced().then(() => {
      this.#synced = true;
      onLearnt();
    });
    void this.#read();
  }

  /** Is a Testnet with that uid the one that there is? `unknown`: the server has not said yet. */
  owner(claimed: string): 'mine' | 'foreign' | 'unknown' {
    if (claimed === this.#uid) {
      this.#patienceMs = again.leastMs;
      return 'mine';
    }
    if (systemClock.now() - this.#readAt > this.#patienceMs) {
      this.#patienceMs = Math.min(2 * this.#patienceMs, again.mostMs);
      void this.#read();
    }
    return this.#known ? 'foreign' : 'unknown';
  }

  /** Undefined until the states were listed. */
  view(): NetworkView | undefined {
    if (!this.#synced || this.#uid === undefined) return undefined;
    if (this.#stale) this.#look(this.#uid);
    return this.#view;
  }

  problem(): string | undefined {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #read(): Promise<void> {
    const { api, namespace, name, onLearnt } = this.#options;
    this.#readAt = systemClock.now();
    try {
      const found = await api.get<TestnetObject>(resources.testnets, { namespace, name });
      this.#uid = found?.metadata.uid;
      this.#known = true;
      this.#stale = true;
      this.#problem = undefined;
    } catch (error) {
      this.#problem = messageOf(error);
    }
    if (!this.#stop.signal.aborted) onLearnt();
  }

  /** What is in force stays, until all of what is new can be read. */
  #look(uid: string): void {
    this.#stale = false;
    const states = this.#states.values();
    const names = new Set(states.map(({ metadata }) => metadata.name));
    for (const name of this.#parsed.keys()) if (!names.has(name)) this.#parsed.delete(name);
    const parts: Pick<NetworkState, 'testnet' | 'nodes' | 'schedule'>[] = [];
    for (const state of states) {
      const part = this.#parse(state);
      if (!part.ok) {
        this.#problem = `NetworkState ${state.metadata.name}: ${part.reason}`;
        return;
      }
      parts.push(part.value);
    }
    try {
      this.#view = networkView(parts, { uid, before: this.#view });
      this.#problem = undefined;
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  #parse(state: NetworkState): Parsed {
    const { name } = state.metadata;
    const before = this.#parsed.get(name);
    if (before?.[0] === state) return before[1];
    const value = readState(state);
    this.#parsed.set(name, [state, value]);
    return value;
  }
}
