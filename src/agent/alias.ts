// The alias of a pod's interface is what the agent says inside the pod's network namespace: first
// that it has taken the namespace in hand for this pod, then that the rules are in, which opens
// the gate. It is also how an agent knows a namespace again that an earlier one had in hand.
// A pod without privileges cannot write it, and everybody in the pod can read it.

/** Rules of ours are or may be in this namespace. */
export function heldAlias(uid: string): string {
  return `peerstorm-held:${uid}`;
}

/** The rules that were due when the pod's processes start are in; bin/gate waits for it. */
export function openAlias(uid: string): string {
  return `peerstorm:${uid}`;
}

/** The pod that an agent had in hand here. */
export function podOfAlias(alias: string): string | undefined {
  return /^peerstorm(?:-held)?:(.+)$/.exec(alias)?.[1];
}
