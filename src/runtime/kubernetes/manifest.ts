// What a node is made of on Kubernetes: one bare Pod, closed but for what the spec may say (no
// service account, no host paths, no host namespaces, no privileges: it passes the Pod Security
// Standard `restricted`), and where the spec wants it a volume claim. Pure.
import { fail } from '../../errors.ts';
import { type Launch, ownAddressReference } from '../../kinds/kind.ts';
import type { PlannedGroup, PlannedNode } from '../../plan/plan.ts';
import { quantity } from '../../quantities/quantities.ts';
import type { KubernetesObject } from './api.ts';
import {
  annotations,
  apiVersion,
  labels,
  names,
  type OwnerReference,
  type TestnetObject,
} from './objects.ts';
import type { Pod } from './pod.ts';
import { type GroupPods, resourcesOf } from './settings.ts';

export type TestnetId = { readonly namespace: string; readonly name: string; readonly uid: string };

/** Waits in the pod until its rules are in place. */
export type Gate = { readonly image: string; readonly imagePullPolicy?: string };

export type PodRecipe = {
  readonly testnet: TestnetId;
  readonly node: PlannedNode;
  readonly group: PlannedGroup;
  readonly settings: GroupPods;
  readonly launch: Launch;
  /** Where the launch's files are: a ConfigMap, and the key of each path. */
  readonly files?: { readonly configMap: string; readonly keys: Readonly<Record<string, string>> };
  /** Is a container that ends started again? */
  readonly restarts: boolean;
  readonly gate?: Gate | undefined;
  /** What says by its exit status whether the node is ready; the kubelet runs it. */
  readonly readyCommand?: readonly string[] | undefined;
};

/** Where the data of a node is, as the node sees it. */
export const podDataDirectory = '/data';

export function idOf({ metadata }: Pick<TestnetObject, 'metadata'>): TestnetId {
  const { namespace = '', name, uid = '' } = metadata;
  return { namespace, name, uid };
}

export function ownerOf({ name, uid }: TestnetId): OwnerReference {
  return { apiVersion, kind: 'Testnet', name, uid, controller: true, blockOwnerDeletion: false };
}

export function labelsOf(
  testnet: TestnetId,
  node?: Pick<PlannedNode, 'name' | 'group' | 'region'>,
): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/managed-by': 'peerstorm',
    [labels.testnet]: testnet.name,
    ...(node === undefined
      ? {}
      : {
          [labels.group]: node.group,
          [labels.node]: node.name,
          ...(node.region === '' ? {} : { [labels.region]: node.region }),
        }),
  };
}

export function podOf(
  recipe: PodRecipe,
  {
    first,
    madeFrom,
    ahead,
  }: { readonly first: number; readonly madeFrom: string; readonly ahead: boolean },
): Pod {
  const { testnet, node, settings, launch, gate } = recipe;
  const name = names.pod(testnet.name, node.name);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: testnet.namespace,
      labels: labelsOf(testnet, node),
      annotations: {
        [annotations.madeFrom]: madeFrom,
        ...(first === 0 ? {} : { [annotations.first]: String(first) }),
        ...(ahead ? { [annotations.ahead]: 'true' } : {}),
        'kubectl.kubernetes.io/default-container': names.container,
      },
      ownerReferences: [ownerOf(testnet)],
    },
    spec: {
      hostname: name,
      subdomain: names.service(testnet.name),
      restartPolicy: recipe.restarts ? 'Always' : 'Never',
      terminationGracePeriodSeconds: Math.max(1, Math.ceil(launch.stop.graceSeconds)),
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      securityContext: podSecurity(settings),
      ...placement(recipe),
      ...(settings.imagePullSecrets === undefined
        ? {}
        : { imagePullSecrets: settings.imagePullSecrets.map((secret) => ({ name: secret })) }),
      ...(gate === undefined ? {} : { initContainers: [gateContainer(gate)] }),
      containers: [nodeContainer(recipe)],
      volumes: volumesOf(recipe),
    },
  };
}

function podSecurity({ user }: GroupPods) {
  return {
    runAsNonRoot: user !== 0,
    ...(user === undefined ? {} : { runAsUser: user, runAsGroup: user }),
    // So that it may write to its volume, whoever it is.
    fsGroup: user ?? 65_532,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

function containerSecurity(writableRoot: boolean) {
  return {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: !writableRoot,
    capabilities: { drop: ['ALL'] },
  };
}

function placement({ testnet, node, settings }: PodRecipe) {
  const { nodeSelector, affinity, tolerations, topologySpread } = settings;
  const matchLabels = { [labels.testnet]: testnet.name, [labels.group]: node.group };
  return {
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(topologySpread === undefined
      ? {}
      : {
          topologySpreadConstraints: topologySpread.map((spread) => ({
            ...spread,
            labelSelector: { matchLabels },
          })),
        }),
  };
}

function gateContainer({ image, imagePullPolicy }: Gate) {
  return {
    name: names.gate,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    // Of the image: bin/gate.
    command: ['/app/gate'],
    env: [{ name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }],
    // No share of the processor: the pod would have it for good, and a hundred nodes against their
    // agent a hundred shares.
    resources: { requests: { memory: '8Mi' }, limits: { memory: '32Mi' } },
    securityContext: { ...containerSecurity(false), runAsUser: 65_532 },
  };
}

/** The reference node's image starts it; for others the launch names the program. */
const referenceProgram = 'node:reference';

function nodeContainer(recipe: PodRecipe) {
  const { settings, launch, group, files, readyCommand } = recipe;
  const [program, ...args] = launch.argv;
  const written = args.map(expandable);
  return {
    name: names.container,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined
      ? {}
      : { imagePullPolicy: settings.imagePullPolicy }),
    ...(program === referenceProgram ? {} : { command: [expandable(program)] }),
    args: written,
    workingDir: podDataDirectory,
    env: environmentOf(launch),
    resources: resourcesOf(group.resources, settings),
    securityContext: containerSecurity(settings.writableRoot ?? false),
    ...(readyCommand === undefined ? {} : { readinessProbe: probeOf(readyCommand) }),
    volumeMounts: [
      { name: 'data', mountPath: podDataDirectory },
      { name: 'tmp', mountPath: '/tmp' },
      ...Object.entries(files?.keys ?? {}).map(([path, key]) => ({
        name: 'files',
        mountPath: `${podDataDirectory}/${path}`,
        subPath: key,
        readOnly: true,
      })),
    ],
  };
}

function probeOf(command: readonly string[]) {
  return { exec: { command }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 3 };
}

function environmentOf({ env, files }: Launch) {
  const misplaced = Object.entries(files).find(([, text]) => text.includes(ownAddressReference));
  if (misplaced !== undefined) {
    const message = `${misplaced[0]}: a node's own address is known at its start only`;
    throw fail('SPEC_INVALID', `${message}; on Kubernetes give it in argv or env, not in a file`);
  }
  return [
    { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'HOME', value: podDataDirectory },
    { name: 'TMPDIR', value: '/tmp' },
    ...Object.entries(env).map(([name, value]) => ({ name, value: expandable(value) })),
  ];
}

/** Kubernetes replaces $(NAME); of what others have written nothing is to be replaced. */
function expandable(text: string): string {
  return text
    .split(ownAddressReference)
    .map((part) => part.replaceAll('$', '$$$$'))
    .join(ownAddressReference);
}

function volumesOf({ testnet, node, settings, files }: PodRecipe) {
  const claimName = names.claim(testnet.name, node.name);
  return [
    {
      name: 'data',
      ...(settings.storage === undefined
        ? { emptyDir: {} }
        : { persistentVolumeClaim: { claimName } }),
    },
    { name: 'tmp', emptyDir: {} },
    ...(files === undefined
      ? []
      : [{ name: 'files', configMap: { name: files.configMap, defaultMode: 0o444 } }]),
  ];
}

export type Claim = KubernetesObject & { readonly spec: unknown };

/** Undefined: the data of the node goes with its pod. */
export function claimOf({ testnet, node, settings }: PodRecipe): Claim | undefined {
  const { storage } = settings;
  if (storage === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: names.claim(testnet.name, node.name),
      namespace: testnet.namespace,
      labels: labelsOf(testnet, node),
      ...(storage.keep ? {} : { ownerReferences: [ownerOf(testnet)] }),
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storage.className === undefined ? {} : { storageClassName: storage.className }),
      resources: { requests: { storage: String(quantity('size', storage.size)) } },
    },
  };
}
