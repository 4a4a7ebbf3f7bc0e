// JSON Pointer (RFC 6901): the way to one value of a document. Chosen over JSONPath because it can
// neither search nor compute.

export const jsonPointerPattern = /^(?:\/(?:[^/~]|~[01])*)*$/;

/** The value there, or undefined. */
export function resolvePointer(document: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(member, document);
}

function member(value: unknown, token: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const property = Object.getOwnPropertyDescriptor(value, token);
  // A list's length is its own but no member.
  return property?.enumerable === true ? property.value : undefined;
}
