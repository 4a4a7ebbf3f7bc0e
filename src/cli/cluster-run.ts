// Runs a testnet on a cluster: makes the Testnet, follows it until its end, takes home what the
// report needs, deletes it. It is what the front process is to a local run: the same view, the same
// report, the same exit status; a signal or the time limit ends the run in order first. What it
// makes it deletes, whatever happens, unless it is to stay. If this process is killed, the run goes
// on to its end by itself, and the Testnet stays for somebody to look at.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, messageOf, PeerstormError } from '../errors.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { hasCode, isAbsent, statusOf } from '../runtime/kubernetes/api-errors.ts';
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import { bindToPods } from '../runtime/kubernetes/surroundings.ts';
import {
  type Cluster,
  type ClusterPlace,
  flagsFor,
  openCluster,
  testnetsIn,
} from '../session/cluster.ts';
import { deleteTestnet } from '../session/cluster-down.ts';
import { clusterSession } from '../session/cluster-session.ts';
import { failFastWish } from '../session/wishes.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import type { Testnet } from '../spec/schema.ts';
import { bringEdges, topologyOnCluster } from './cluster-edges.ts';
import { type Ending, followTestnet, listenForStops, type Stops } from './cluster-follow.ts';
import { type Recorder, recordRun } from './cluster-record.ts';
import { serveMetrics } from './metrics-server.ts';
import { buildsPage, openPage } from './page.ts';
import type { Problem } from './report-directory.ts';
import { conclude, type RunRequest } from './run-testnet.ts';
import { version } from './version.ts';
import { openView, type View } from './view/view.ts';

export type ClusterRunRequest = Omit<RunRequest, 'keep' | 'listen'> & {
  readonly testnet: Testnet;
  /** Of a spec that has them elsewhere. */
  readonly edges?: EdgeList;
  /** As the user wrote it. */
  readonly document: unknown;
  readonly until: 'verdict' | 'stopped' | 'ready';
  /** The Testnet stays. */
  readonly keep: boolean;
  /** Serve /metrics there. */
  readonly listen?: RunRequest['listen'];
};

/** In the foreground: Ctrl-C and the like end it. */
export async function runAt(place: ClusterPlace, request: ClusterRunRequest): Promise<number> {
  using stops = listenForStops();
  const cluster = await openCluster(place, version);
  return await runOnCluster(cluster, { ...request, plan: bindToPods(request.plan) }, stops);
}

export async function runOnCluster(
  cluster: Cluster,
  request: ClusterRunRequest,
  stops: Stops,
): Promise<number> {
  request.terminal.outliveReader();
  const owner = await createTestnet(cluster, request);
  await bring(cluster, request, owner);
  const directory = await mkdtemp(join(tmpdir(), 'peerstorm-'));
  const view = openView(request);
  const running: Running = { cluster, request, owner, view, stops };
  const recorder = recordRun({ ...request, cluster, owner, directory });
  try {
    const ending = await follow(running, recorder);
    if (ending.is === 'ready') return sayReady(running);
    const collected = await toProblem(() => recorder.collect());
    const left = request.keep ? undefined : await remove(running);
    await recorder.close({ nodesEnd: !request.keep && left === undefined });
    view.close();
    if (ending.is === 'refused') throw fail('SPEC_INVALID', ending.message);
    if (request.keep) sayKept(running);
    const problems = [ending.problem, collected, left].filter((one) => one !== undefined);
    return await conclude(request, { directory, problems });
  } catch (error) {
    if (!request.keep) await remove(running);
    throw error;
  } finally {
    view.close();
    await recorder.close({ nodesEnd: false });
    await rm(directory, { recursive: true, force: true });
  }
}

type Running = {
  readonly cluster: Cluster;
  readonly request: ClusterRunRequest;
  readonly owner: TestnetObject;
  readonly view: View;
  readonly stops: Stops;
};

/** Fails with what to do about it when the cluster is not ready for it. */
async function createTestnet(cluster: Cluster, request: ClusterRunRequest): Promise<TestnetObject> {
  const { api, namespace, server } = cluster;
  const { testnet } = request.plan;
  const taken = `there is a Testnet "${testnet}" in namespace ${namespace} already`;
  const down = `\`peerstorm down ${testnet} ${flagsFor(cluster)}\` ends it`;
  const isThere = (await testnetsIn(cluster)).some(({ metadata }) => metadata.name === testnet);
  if (isThere) throw fail('NAME_TAKEN', `${taken}; ${down}`);
  await cluster.views.find();
  const object = objectOf(request, namespace);
  try {
    return await api.create(resources.testnets, object);
  } catch (error) {
    if (hasCode(error, 'API_CONFLICT')) throw fail('NAME_TAKEN', `${taken}; ${down}`, error);
    if (!isAbsent(statusOf(error))) throw error;
    const make = `make it with \`kubectl create namespace ${namespace}\`, or choose another`;
    throw fail('USAGE', `there is no namespace ${namespace} at ${server}; ${make}`, error);
  }
}

/** A Testnet without its edges is of no use. */
async function bring(
  { api, namespace }: Cluster,
  request: ClusterRunRequest,
  { metadata: { name, uid = '' } }: TestnetObject,
): Promise<void> {
  try {
    await bringEdges(api, request, { namespace, name, uid });
  } catch (error) {
    await api.delete(resources.testnets, { namespace, name, uid });
    throw error;
  }
}

/** The document of the user, under the name and with the wishes of the command. */
function objectOf(request: ClusterRunRequest, namespace: string) {
  const { document, plan, keep, until, failFast } = request;
  // It has passed the checks of spec/parse.ts.
  const { apiVersion, kind, metadata, spec } = document as TestnetObject & { spec: object };
  const stays = keep || until !== 'verdict';
  const topology = topologyOnCluster(request, plan.testnet);
  return {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: plan.testnet,
      namespace,
      ...(failFast ? { annotations: { ...metadata.annotations, ...failFastWish } } : {}),
    },
    spec: {
      ...spec,
      ...(topology === undefined ? {} : { topology }),
      ...(stays ? { afterRun: 'keep' } : {}),
    },
  } satisfies TestnetObject;
}

async function follow(running: Running, recorder: Recorder): Promise<Ending> {
  const { cluster, request, owner, view, stops } = running;
  const { name } = owner.metadata;
  view.note(`Testnet ${name} in namespace ${cluster.namespace} of ${cluster.server}`);
  const session = clusterSession(cluster, name);
  const { listen, page: wanted } = request;
  const onBuild = () => view.note(buildsPage);
  await using page = wanted && (await openPage(session, { ...wanted, testnet: name, onBuild }));
  if (page !== undefined) view.pin(`page: ${page.url}`);
  await using metrics = listen === undefined ? undefined : await serveMetrics(session, listen);
  if (metrics !== undefined) view.note(`metrics: ${metrics.url}`);
  const over = new AbortController();
  const watching = (async () => {
    for await (const item of session.watch(over.signal)) {
      if (item.event !== undefined) recorder.see(item.event);
      view.show(item);
    }
  })().catch((error: unknown) => view.note(messageOf(error)));
  try {
    return await followTestnet(
      { cluster, owner, until: request.until, keep: request.keep, stops, note: view.note },
      request.timeoutMs,
    );
  } finally {
    over.abort();
    await watching;
  }
}

/** What keeps it from going. */
async function remove({ cluster, owner, view, stops }: Running): Promise<Problem | undefined> {
  const { name } = owner.metadata;
  view.note(`deleting Testnet ${name}: its faults end first, then its nodes`);
  const problem = await toProblem(() => deleteTestnet(cluster, owner, stops.force));
  if (problem === undefined) return undefined;
  const down = `\`peerstorm down ${name} ${flagsFor(cluster)}\` tries again`;
  return { ...problem, message: `the Testnet may be left behind: ${problem.message}; ${down}` };
}

async function toProblem(work: () => Promise<void>): Promise<Problem | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof PeerstormError)) throw error;
    const { code, exit, message } = error;
    return { code, exit, message };
  }
}

function sayReady({ cluster, owner, view, request }: Running): number {
  const { name } = owner.metadata;
  view.close();
  const flags = flagsFor(cluster);
  request.terminal.note(
    `${name} is ready; see \`peerstorm status ${flags}\`, end it with \`peerstorm down ${name} ${flags}\``,
  );
  return 0;
}

function sayKept({ cluster, owner, request }: Running): void {
  const { name } = owner.metadata;
  const flags = flagsFor(cluster);
  request.terminal.note(`Testnet ${name} stays; \`peerstorm down ${name} ${flags}\` ends it`);
}
