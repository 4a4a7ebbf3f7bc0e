// What the passwords of nodes are made from: an HMAC of the Testnet's UID and the name of the node,
// whose key is in one Secret of the controller's own namespace. So whoever comes after this
// controller knows the same passwords, nobody who reads specs, plans or reports can find them, and
// the controller needs no right to the Secrets of anybody else. Pods get hashes of them only.
// Without the Secret the next controller makes another key: nodes that run do not answer it then.
import { createHmac, randomBytes } from 'node:crypto';
import { fail } from '../errors.ts';
import type { NodeName } from '../names.ts';
import { type Api, type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import { hasCode } from '../runtime/kubernetes/api-errors.ts';

type Secret = KubernetesObject & {
  readonly immutable: boolean;
  readonly data?: Readonly<Record<string, string>>;
};

/** Of a Testnet, by its UID. */
export type SecretsOf = (uid: string) => Promise<(node: NodeName) => string>;

/** The Role of the controller names it, too. */
const name = 'peerstorm-node-passwords';
const keyBytes = 32;

/** Asks the server once, when the first Testnet needs it. */
export function secretsIn(api: Pick<Api, 'get' | 'create'>, namespace: string): SecretsOf {
  let key: Promise<Buffer> | undefined;
  return async (uid) => {
    key ??= keyIn(api, namespace);
    const bytes = await key.catch((error: unknown) => {
      key = undefined;
      throw error;
    });
    return (node) => createHmac('sha256', bytes).update(`${uid} ${node}`).digest('hex');
  };
}

async function keyIn(api: Pick<Api, 'get' | 'create'>, namespace: string): Promise<Buffer> {
  const known = await api.get<Secret>(resources.secrets, { namespace, name });
  if (known !== undefined) return keyOf(known);
  const labels = { 'app.kubernetes.io/managed-by': 'peerstorm' };
  try {
    const made = await api.create<Secret>(resources.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels },
      immutable: true,
      data: { key: randomBytes(keyBytes).toString('base64') },
    });
    return keyOf(made);
  } catch (error) {
    // Another controller was faster, while the lead went from it to this one.
    if (hasCode(error, 'API_CONFLICT')) return await keyIn(api, namespace);
    throw error;
  }
}

function keyOf({ data, metadata }: Secret): Buffer {
  const key = Buffer.from(data?.['key'] ?? '', 'base64');
  if (key.length >= keyBytes) return key;
  const where = `${metadata.namespace}/${metadata.name}`;
  throw fail('START_FAILED', `the Secret ${where} has no key of ${keyBytes} bytes: delete it`);
}
