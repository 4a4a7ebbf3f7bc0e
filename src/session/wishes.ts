// What a user wants of a Testnet besides its spec, as annotations of the object: that its run ends
// at the first failure, that it ends now and why, which of its faults are to end. The CLI writes
// them, the controller follows them; whoever may patch the Testnet may wish. They are not part of
// the spec, which says what a run is, not what became of it.
import { annotations, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { StopReason } from './session.ts';

type Annotated = Pick<TestnetObject, 'metadata'>;

const longest = 200;
/** What a run can end with when its user ends it, see docs/cli.md. */
const exits: ReadonlySet<number> = new Set([0, 1, 3, 4, 129, 130, 143]);

export function failsFast({ metadata }: Annotated): boolean {
  return metadata.annotations?.[annotations.failFast] === 'true';
}

export const failFastWish = { [annotations.failFast]: 'true' };

/** Undefined also for what is not understood: anybody may have written it. */
export function stopWished({ metadata }: Annotated): StopReason | undefined {
  const text = metadata.annotations?.[annotations.stop];
  if (text === undefined) return undefined;
  try {
    const { code, exit, message } = JSON.parse(text) as Record<keyof StopReason, unknown>;
    if (typeof code !== 'string' || !/^[A-Z_]{1,40}$/.test(code)) return undefined;
    if (typeof exit !== 'number' || !exits.has(exit)) return undefined;
    if (typeof message !== 'string') return undefined;
    return { code, exit, message: message.slice(0, longest) };
  } catch {
    return undefined;
  }
}

export function stopWish({ code, exit, message }: StopReason): Readonly<Record<string, string>> {
  return { [annotations.stop]: JSON.stringify({ code, exit, message }) };
}

/** Names of faults. */
export function clearWished({ metadata }: Annotated): readonly string[] {
  const names = metadata.annotations?.[annotations.clear]?.split(',') ?? [];
  return names.filter((name) => name !== '');
}

export function clearWish(names: readonly string[]): Readonly<Record<string, string>> {
  return { [annotations.clear]: names.join(',') };
}
