// Reads what `topology.edgesFrom` of a spec names, before the spec is checked: a file from the
// folder of the spec, or a ConfigMap where the command has a cluster to read it from.
import { dirname, join } from 'node:path';
import { messageOf } from '../errors.ts';
import {
  type EdgeList,
  edgeListBytes,
  edgesFromIn,
  edgesFromPath,
  readEdgeList,
  unreadEdges,
} from '../spec/edge-list.ts';
import { error, warning } from '../spec/problems.ts';
import type { EdgesFrom } from '../spec/schema.ts';
import { readText } from './read-text.ts';

export type ConfigMapKey = NonNullable<EdgesFrom['configMap']>;
export type ReadConfigMap = (named: ConfigMapKey, document: unknown) => Promise<EdgeList>;

/** Undefined where the document names none; what cannot be read says so in its findings. */
export async function edgesOf(
  document: unknown,
  spec: { readonly file: string; readonly readConfigMap: ReadConfigMap },
): Promise<EdgeList | undefined> {
  const { file, configMap } = edgesFromIn(document) ?? {};
  if (file !== undefined) return await readEdgeFile(join(dirname(spec.file), file), file);
  return configMap === undefined ? undefined : await spec.readConfigMap(configMap, document);
}

const inConfigMap = [...edgesFromPath, 'configMap'];

export const refuseConfigMap: ReadConfigMap = async () =>
  unreadEdges(error(inConfigMap, 'is read with --runtime kubernetes only, elsewhere use file'));

/** For who only wants to know whether the rest is right. */
export const leaveConfigMap: ReadConfigMap = async ({ name }) =>
  unreadEdges(warning(inConfigMap, `what is in ConfigMap ${name} is not looked at here`));

async function readEdgeFile(path: string, written: string): Promise<EdgeList> {
  try {
    return readEdgeList(await readText(path, edgeListBytes), path);
  } catch (reason) {
    const message = `cannot read ${written}: ${messageOf(reason)}`;
    return unreadEdges(error([...edgesFromPath, 'file'], message));
  }
}
