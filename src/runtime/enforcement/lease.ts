// The dead man's switch: the kernel lets faults act only while a set has an element, and the
// element has a timeout. As long as the enforcer lives it renews it; with everything of ours dead,
// all faults end together, in the kernel, at the lease's end or one second after the next planned
// end, whichever comes first. The base layer stays.

const graceMs = 1_000;

/**
 * How long from now the faults in force may go on by themselves, in seconds. Zero: a planned end
 * is overdue by more than the grace, so the lease must run out.
 */
export function leaseFor(
  leaseSeconds: number,
  { ends, now }: { readonly ends: readonly number[]; readonly now: number },
): number {
  const untilEnd = Math.min(...ends) - now + graceMs;
  return Math.max(0, Math.min(leaseSeconds, untilEnd / 1_000));
}

/** Between two renewals: two may fail before the lease runs out. */
export function heartbeatMs(leaseSeconds: number): number {
  return (leaseSeconds * 1_000) / 3;
}
