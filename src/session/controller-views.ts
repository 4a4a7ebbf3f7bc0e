// What the controller shows of a run, read through the API server's proxy of its Service: who may
// see it is decided by the cluster's RBAC (the Role `peerstorm-user` of the chart). Where the
// Service is, is found by its labels, if the user may list Services; else it is looked for where
// the docs install it.
import { fail } from '../errors.ts';
import {
  type Api,
  type KubernetesObject,
  type Named,
  resources,
} from '../runtime/kubernetes/api.ts';
import { hasCode } from '../runtime/kubernetes/api-errors.ts';

export type View =
  | 'status'
  | 'nodes'
  | 'graph'
  | 'faults'
  | 'state'
  | 'plan'
  | 'events'
  | 'samples';

export interface ControllerViews {
  /** Undefined where no such testnet runs: not yet, or not any more. `query`: `from=3`. */
  read<T>(testnet: string, view: View, query?: string): Promise<T | undefined>;
  /** Prometheus text. */
  metrics(testnet: string): Promise<string | undefined>;
  /** Fails with CHART_MISSING where there is no controller, as far as the user may know. */
  find(): Promise<void>;
}

const labelSelector = 'app.kubernetes.io/part-of=peerstorm,app.kubernetes.io/component=controller';
const usual = { namespace: 'peerstorm-system', name: 'peerstorm-controller' };

export function openViews(
  api: Pick<Api, 'text' | 'list'>,
  place: {
    readonly server: string;
    readonly namespace: string;
    readonly systemNamespace: string | undefined;
  },
): ControllerViews {
  let found: Promise<readonly Named[]> | undefined;
  const find = async () => {
    // What fails is asked for anew.
    found ??= findServices(api, place).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return await found;
  };
  const text = async (testnet: string, view: string) => {
    for (const service of await find()) {
      const path = `${proxyOf(service)}/testnets/${place.namespace}/${testnet}/${view}`;
      try {
        return await api.text(path);
      } catch (error) {
        if (!hasCode(error, 'API_ABSENT')) throw error;
      }
    }
    return undefined;
  };
  return {
    read: async <T>(testnet: string, view: View, query?: string) => {
      const body = await text(testnet, query === undefined ? view : `${view}?${query}`);
      return body === undefined ? undefined : (JSON.parse(body) as T);
    },
    metrics: (testnet) => text(testnet, 'metrics'),
    find: async () => void (await find()),
  };
}

function proxyOf({ namespace, name }: Named): string {
  return `/api/v1/namespaces/${namespace}/services/${name}:http/proxy`;
}

/** Several releases may share a cluster, each with its own namespaces. */
async function findServices(
  api: Pick<Api, 'list'>,
  {
    server,
    systemNamespace,
  }: { readonly server: string; readonly systemNamespace: string | undefined },
): Promise<readonly Named[]> {
  const everywhere = systemNamespace === undefined ? await servicesIn(api, undefined) : undefined;
  const { namespace } = systemNamespace === undefined ? usual : { namespace: systemNamespace };
  const services = everywhere ?? (await servicesIn(api, namespace)) ?? [{ ...usual, namespace }];
  if (services.length > 0) return services;
  const where = everywhere === undefined ? `in namespace ${namespace} of` : 'in';
  throw fail('CHART_MISSING', `there is no controller ${where} the cluster at ${server}`);
}

/** Undefined where the user may not know. */
async function servicesIn(
  api: Pick<Api, 'list'>,
  namespace: string | undefined,
): Promise<readonly Named[] | undefined> {
  const scope = { labelSelector, ...(namespace === undefined ? {} : { namespace }) };
  try {
    const services = await api.list<KubernetesObject>(resources.services, scope);
    return services.map(({ metadata }) => ({
      name: metadata.name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    }));
  } catch (error) {
    if (hasCode(error, 'API_FORBIDDEN')) return undefined;
    throw error;
  }
}
