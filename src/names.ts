// Names of the things of a testnet, branded so that they are not mixed up.
declare const brand: unique symbol;

/** `<group>-<index>`, index from 0. */
export type NodeName = string & { readonly [brand]: 'NodeName' };

export function nodeName(group: string, index: number): NodeName {
  // The one place where a name is made.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return `${group}-${index}` as NodeName;
}

/** The group in the name of a node; a group's own name may have hyphens. */
export function groupOfNode(node: string): string {
  return node.slice(0, node.lastIndexOf('-'));
}
