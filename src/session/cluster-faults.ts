// Faults on a running Testnet: applied as Fault objects, which the controller accepts or refuses;
// cleared by deleting these, and, where the spec declares them, by a wish (an annotation): a spec
// without them could have expectations about nothing.
import { fail } from '../errors.ts';
import { unknownName } from '../plan/problem.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { hasCode } from '../runtime/kubernetes/api-errors.ts';
import {
  apiVersion,
  type FaultObject,
  faultWarned,
  type TestnetObject,
} from '../runtime/kubernetes/objects.ts';
import { type FaultDocument, faultKinds } from '../spec/schema.ts';
import { type Cluster, testnetNamed } from './cluster.ts';
import type { AcceptedFault } from './session.ts';
import { clearWish, clearWished } from './wishes.ts';

const pollMs = 250;
const acceptLimitMs = 30_000;

export async function addFault(
  cluster: Cluster,
  testnet: string,
  document: FaultDocument,
): Promise<AcceptedFault> {
  const { api, namespace, clock } = cluster;
  const { name } = document.metadata;
  const metadata = { ...document.metadata, namespace };
  const spec = { ...document.spec, testnet };
  const wanted = { apiVersion, kind: 'Fault', metadata, spec } as const;
  const { uid = '' } = await api
    .create<FaultObject>(resources.faults, JSON.parse(JSON.stringify(wanted)) as FaultObject)
    .then((created) => created.metadata)
    .catch((error: unknown) => {
      if (!hasCode(error, 'API_CONFLICT')) throw error;
      const clear = `clear it with \`peerstorm fault clear ${name}\`, or choose another name`;
      throw fail('SPEC_INVALID', `metadata.name: there is a Fault "${name}" already; ${clear}`);
    });
  const until = clock.now() + acceptLimitMs;
  let warnings: readonly string[] = [];
  try {
    while (true) {
      const object = await api.get<FaultObject>(resources.faults, { namespace, name });
      if (object === undefined) throw fail('NOT_FOUND', `Fault ${name} was deleted meanwhile`);
      const accepted = acceptedOf(object);
      if (accepted !== undefined) {
        warnings = accepted.warnings;
        break;
      }
      if (clock.now() >= until) {
        const seconds = acceptLimitMs / 1000;
        throw fail(
          'CONTROLLER_SILENT',
          `no controller has looked at Fault ${name} for ${seconds} s`,
        );
      }
      await clock.sleep(pollMs);
    }
  } catch (error) {
    // What was not accepted must not come into force later, when nobody expects it.
    await api.delete(resources.faults, { namespace, name, uid }).catch(() => undefined);
    throw error;
  }
  const kind = faultKinds.find((one) => document.spec[one] !== undefined) ?? 'link';
  return { name, kind, warnings };
}

/** Undefined as long as nothing is decided; throws the controller's words when it is refused. */
function acceptedOf(object: FaultObject): Pick<AcceptedFault, 'warnings'> | undefined {
  const accepted = object.status?.conditions.find(({ type }) => type === 'Accepted');
  if (accepted === undefined) return undefined;
  const { status, reason, message } = accepted;
  if (status === 'True') return { warnings: reason === faultWarned ? message.split('\n') : [] };
  if (reason === 'CapabilityMissing') throw fail('CAPABILITY_MISSING', message);
  if (reason === 'TestnetStarting') throw fail('USAGE', `${message}; try again soon`);
  if (accepted.status === 'False') throw fail('SPEC_INVALID', message);
  return undefined;
}

/** All that are planned or active without a name. */
export async function clearFaults(
  cluster: Cluster,
  testnet: string,
  fault: string | undefined,
): Promise<readonly string[]> {
  const { api, namespace } = cluster;
  const object = await testnetNamed(cluster, testnet);
  if (object === undefined) throw fail('NOT_FOUND', `there is no Testnet "${testnet}"`);
  const all = await api.list<FaultObject>(resources.faults, { namespace });
  const applied = new Set(
    all.filter(({ spec }) => spec.testnet === testnet).map(({ metadata }) => metadata.name),
  );
  const known = object.status?.faults ?? [];
  const faultNames = new Set([...applied, ...known.map(({ name }) => name)]);
  if (fault !== undefined && !faultNames.has(fault)) {
    throw fail('NOT_FOUND', `${testnet}: ${unknownName('fault', fault, faultNames)}`);
  }
  const open = known.filter(({ state }) => state === 'planned' || state === 'active');
  const wanted = open
    .map(({ name }) => name)
    .filter((name) => fault === undefined || name === fault);
  const declared = wanted.filter((name) => !applied.has(name));
  for (const name of [...applied].filter((one) => fault === undefined || one === fault)) {
    await api.delete(resources.faults, { namespace, name });
  }
  if (declared.length > 0) await wishClear(cluster, object, declared);
  return wanted;
}

/**
 * With the version that was seen: two who clear at a time do not undo each other. The controller
 * writes statuses meanwhile, and each is a new version.
 */
async function wishClear(
  cluster: Cluster,
  seen: TestnetObject,
  faults: readonly string[],
): Promise<void> {
  const { namespace = '', name, uid, resourceVersion } = seen.metadata;
  const annotations = clearWish([...new Set([...clearWished(seen), ...faults])]);
  const metadata = { annotations, uid, resourceVersion };
  try {
    await cluster.api.mergePatch(resources.testnets, { namespace, name }, { metadata });
  } catch (error) {
    if (!hasCode(error, 'API_CONFLICT')) throw error;
    const newest = await testnetNamed(cluster, name);
    // Of one that is gone no fault is left, nor of its run.
    if (newest === undefined || newest.metadata.uid !== uid) return;
    if (newest.metadata.resourceVersion === resourceVersion) throw error;
    await wishClear(cluster, newest, faults);
  }
}
