// What the programs of the test cluster are told, as text; nothing is started here. Each host has
// namespaces of its own, so standard ports and paths are free in it. `host-1` is always there and
// runs the control plane; the others of the list are added by who wants them, each by a link of
// its own to `host-1`, which routes.
import { join } from 'node:path';

type Role = 'control plane' | 'pods';

export type Host = { readonly name: string; readonly roles: readonly Role[] };

export const hosts = [
  { name: 'host-1', roles: ['control plane', 'pods'] },
  { name: 'host-2', roles: ['pods'] },
] as const satisfies readonly Host[];

/** One host of one cluster. */
export type Place = {
  /** Of the host; that of the first is the cluster's, in which those of the others are. */
  readonly folder: string;
  /** Where build-kubernetes has put the programs. */
  readonly programs: string;
  /** Clusters on one machine differ by it: addresses, the name of the link, cgroups. */
  readonly index: number;
  /** Of the host, in `hosts`. */
  readonly number: number;
};

export const hostOf = ({ number }: Pick<Place, 'number'>): Host => hosts[number] ?? hosts[0];
export const controls = (place: Place) => hostOf(place).roles.includes('control plane');

/** By whose connections the other hosts learn that the first is gone. */
export const alive = 'alive';
export const sandboxImage = 'peerstorm.dev/pause:1';
export const containerd = '/run/containerd/containerd.sock';
const dns = '10.96.0.10';
/** So many there are. */
export const volumes = 8;
const podRanges = ['10.244.0.0/16', 'fd00:10:244::/48'] as const;

/** Of the pods of a host, out of the cluster's. */
export const podRangesOf = (number: number) =>
  [`10.244.${number * 128}.0/17`, `fd00:10:244:${number}::/64`] as const;

/**
 * Both ends of the link to a host: the outside is the machine's for the first, and the first's for
 * the others; 198.18.0.0/15 is for tests (RFC 2544).
 */
export function addressesOf({ index, number }: Pick<Place, 'index' | 'number'>) {
  const four = (last: number) => `198.18.${index}.${4 * number + last}`;
  const six = (last: number) => `fd00:198:18:${index}:${number}::${last}`;
  return {
    network: `${four(0)}/30`,
    outside: [`${four(1)}/30`, `${six(1)}/80`],
    inside: [`${four(2)}/30`, `${six(2)}/80`],
    gateway: [four(1), six(1)],
    host: [four(2), six(2)],
  } as const;
}

export const linkOf = (index: number) => `peerstorm-k${index}`;
export const cgroupOf = ({ index, number }: Pick<Place, 'index' | 'number'>) =>
  number === 0 ? `peerstorm-k${index}` : `peerstorm-k${index}-${number}`;

/** Of everybody in the cluster and of the tests: all may do all. */
export function kubeconfig(place: Place, secret: { token: string; ca: string }): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'peerstorm-test',
        cluster: {
          server: `https://${addressesOf(place).host[0]}:6443`,
          'certificate-authority-data': Buffer.from(secret.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'admin', user: { token: secret.token } }],
    contexts: [
      {
        name: 'peerstorm-test',
        context: { cluster: 'peerstorm-test', user: 'admin', namespace: 'default' },
      },
    ],
    'current-context': 'peerstorm-test',
  });
}

export type Program = {
  readonly role: Role;
  /** The others need it: it is started first. */
  readonly first?: true;
  readonly name: string;
  readonly argv: readonly [program: string, ...args: string[]];
};

/** In the order of their start. */
export function programsOf(place: Place): readonly Program[] {
  const { roles } = hostOf(place);
  return [...controlPlane(place), ...forPods(place)].filter(({ role }) => roles.includes(role));
}

const flags = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([flag, value]) => `--${flag}=${value}`);

function controlPlane(place: Place): readonly Program[] {
  const role = 'control plane';
  const at = (...path: string[]) => join(place.folder, ...path);
  const built = (name: string) => join(place.programs, name);
  const client = at('kubeconfig');
  const [address] = addressesOf(place).host;
  return [
    {
      name: 'etcd',
      role,
      first: true,
      argv: ['etcd', ...flags({ 'data-dir': at('etcd'), 'unsafe-no-fsync': 'true' })],
    },
    {
      name: 'kube-apiserver',
      role,
      first: true,
      argv: [
        built('kube-apiserver'),
        ...flags({
          'advertise-address': address,
          'allow-privileged': 'true',
          'authorization-mode': 'RBAC',
          'cert-dir': at('pki'),
          'etcd-servers': 'http://127.0.0.1:2379',
          // It needs more of etcd than Debian 12's has, and says so twice a second.
          'feature-gates': 'SizeBasedListCostEstimate=false',
          'kubelet-preferred-address-types': 'InternalIP',
          'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
          'service-account-key-file': at('pki', 'service-accounts.pem'),
          'service-account-signing-key-file': at('pki', 'service-accounts.pem'),
          'service-cluster-ip-range': '10.96.0.0/16,fd00:10:96::/112',
          'token-auth-file': at('pki', 'tokens.csv'),
        }),
      ],
    },
    {
      name: 'kube-controller-manager',
      role,
      argv: [
        built('kube-controller-manager'),
        ...flags({
          'bind-address': '127.0.0.1',
          kubeconfig: client,
          'leader-elect': 'false',
          'root-ca-file': at('pki', 'apiserver.crt'),
          'service-account-private-key-file': at('pki', 'service-accounts.pem'),
          'use-service-account-credentials': 'true',
        }),
      ],
    },
    {
      name: 'kube-scheduler',
      role,
      argv: [
        built('kube-scheduler'),
        ...flags({ 'bind-address': '127.0.0.1', kubeconfig: client, 'leader-elect': 'false' }),
      ],
    },
    { name: 'coredns', role, argv: [built('coredns'), '-conf', at('Corefile')] },
  ];
}

function forPods(place: Place): readonly Program[] {
  const role = 'pods';
  const at = (...path: string[]) => join(place.folder, ...path);
  const built = (name: string) => join(place.programs, name);
  return [
    {
      name: 'containerd',
      role,
      first: true,
      argv: ['containerd', '--config', at('containerd.toml')],
    },
    {
      name: 'kubelet',
      role,
      argv: [
        built('kubelet'),
        ...flags({
          'cert-dir': at('kubelet', 'pki'),
          config: at('kubelet.json'),
          'hostname-override': hostOf(place).name,
          kubeconfig: at('kubeconfig'),
          'node-ip': addressesOf(place).host.join(','),
          'root-dir': at('kubelet'),
        }),
      ],
    },
    { name: 'kube-proxy', role, argv: [built('kube-proxy'), `--config=${at('kube-proxy.json')}`] },
  ];
}

/** Files in the folder, by their names. */
export function filesOf(place: Place): Readonly<Record<string, string>> {
  const client = join(place.folder, 'kubeconfig');
  return {
    'containerd.toml': containerdToml(place),
    'cni/10-pods.conflist': JSON.stringify(podNetwork(place)),
    'kubelet.json': JSON.stringify(kubelet(place)),
    'kube-proxy.json': JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'nftables',
      hostnameOverride: hostOf(place).name,
      clusterCIDR: podRanges.join(','),
      clientConnection: { kubeconfig: client },
      // The machine's own, which is not for us to change.
      conntrack: {
        maxPerCore: 0,
        min: 0,
        tcpEstablishedTimeout: '0s',
        tcpCloseWaitTimeout: '0s',
      },
      oomScoreAdj: 0,
    }),
    // No cache: a pod that is there is found at once.
    Corefile: `.:53 {
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${client}
    ttl 1
  }
}
`,
    'resolv.conf': '',
    'objects.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects(place) }),
  };
}

function containerdToml({ folder }: Place): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${folder}/containerd"
state = "/run/containerd"

[grpc]
address = "${containerd}"

[${cri}]
sandbox_image = "${sandboxImage}"
# Lowering it needs CAP_SYS_RESOURCE.
restrict_oom_score_adj = true

[${cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${folder}/cni"

[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
`;
}

/** A routed link for each pod, as kind has them: a bridge ends at 1024 ports. */
const podNetwork = ({ number }: Place) => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'ptp',
      ipam: {
        type: 'host-local',
        dataDir: '/run/cni',
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
        ranges: podRangesOf(number).map((subnet) => [{ subnet }]),
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

const kubelet = ({ folder, ...place }: Place) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  // A throw-away cluster: else the API server needs a client certificate for exec and logs.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${cgroupOf(place)}`,
  clusterDNS: [dns],
  clusterDomain: 'cluster.local',
  containerRuntimeEndpoint: `unix://${containerd}`,
  enforceNodeAllocatable: [],
  // What was imported can't be pulled again.
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
  },
  failCgroupV1: false,
  failSwapOn: false,
  imageGCHighThresholdPercent: 100,
  makeIPTablesUtilChains: false,
  maxPods: 500,
  oomScoreAdj: 0,
  podLogsDir: join(folder, 'log', 'pods'),
  resolvConf: join(folder, 'resolv.conf'),
  volumePluginDir: join(folder, 'kubelet', 'volume-plugins'),
});

const onHost = (name: string) => ({
  matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }],
});

/** DNS runs beside the kubelet; to the pods it is the Service that it is everywhere. */
function objects({ folder, ...place }: Place): readonly object[] {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const kubeDns = {
    name: 'kube-dns',
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/service-name': 'kube-dns' },
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: kubeDns,
      spec: { clusterIP: dns, ports },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: kubeDns,
      addressType: 'IPv4',
      endpoints: [{ addresses: [addressesOf(place).host[0]], conditions: { ready: true } }],
      ports,
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'volumes',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...Array.from({ length: volumes }, (_, number) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `volume-${number}` },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '10Gi' },
        storageClassName: 'volumes',
        persistentVolumeReclaimPolicy: 'Retain',
        // Of those on the host's disk only these are made writable for who is not root.
        local: { path: join(folder, 'volumes', `${number}`) },
        nodeAffinity: { required: { nodeSelectorTerms: [onHost(hostOf(place).name)] } },
      },
    })),
  ];
}
