// Where an object is: its path in the API, and its name in messages.
import type { Resource } from './api.ts';

export type Query = Readonly<Record<string, string | undefined>>;
export type Place = {
  namespace?: string | undefined;
  name?: string;
  subresource?: string | undefined;
};

export function pathOf(
  { prefix, plural }: Resource,
  { namespace, name, subresource }: Readonly<Place>,
  query: Query = {},
): string {
  const parts = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  const path = `${prefix}/${parts.map(encodeURIComponent).join('/')}`;
  return given.length === 0 ? path : `${path}?${given.join('&')}`;
}

/** For messages: `pods b-test/a`, `pods in b-test`, `nodes`. */
export function words({ plural }: Resource, { namespace, name }: Readonly<Place>): string {
  if (name === undefined) return namespace === undefined ? plural : `${plural} in ${namespace}`;
  return namespace === undefined ? `${plural} ${name}` : `${plural} ${namespace}/${name}`;
}
