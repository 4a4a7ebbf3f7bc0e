// An object of the Kubernetes API -> spec, or all that is wrong with it. The same checks as for a
// file, with the same words: what the API server's schema could not refuse, `Accepted=False` says.
// Only name, namespace and spec are looked at; the rest of an object is Kubernetes' business.
import {
  type Check,
  distinctFindings,
  examine,
  faultRules,
  type Rules,
  testnetRules,
} from './examine.ts';
import type { Finding } from './problems.ts';
import type { FaultDocument, Testnet } from './schema.ts';

export type ApiObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** As the user wrote it. */
  readonly spec: unknown;
};

export type Accepted<T> =
  | { readonly accepted: T; readonly warnings: readonly Finding[] }
  | { readonly problems: readonly Finding[]; readonly warnings: readonly Finding[] };

/** `check` is what the plan has to say about a spec of the right shape. */
export function acceptTestnet(object: ApiObject, check?: Check<Testnet>): Accepted<Testnet> {
  return accept(testnetRules(check), object);
}

/** A Fault object, for a running testnet. */
export function acceptFault(
  object: ApiObject,
  check?: Check<FaultDocument>,
): Accepted<FaultDocument> {
  return accept(faultRules(check), object);
}

function accept<T>(rules: Rules<T>, { apiVersion, kind, metadata, spec }: ApiObject): Accepted<T> {
  const { name, namespace } = metadata;
  const place = { name, ...(namespace === undefined ? {} : { namespace }) };
  const { spec: accepted, findings } = examine(rules, { apiVersion, kind, metadata: place, spec });
  const all = distinctFindings(findings);
  const problems = all.filter(({ severity }) => severity === 'error');
  const warnings = all.filter(({ severity }) => severity === 'warning');
  return accepted === undefined || problems.length > 0
    ? { problems, warnings }
    : { accepted, warnings };
}
