// What an agent says of its nodes when the controller asks: what they have answered since the last
// time, oldest first. Ages instead of times: clocks of hosts differ.
import { z } from 'zod';
import type { NodeName } from '../../names.ts';
import type { Observation } from '../../network/observation.ts';

/** Whom the controller's token is for. */
export const agentAudience = 'peerstorm-agent';

export type ObservationPage = {
  /** To be given back the next time. */
  readonly next: string;
  /** There is more already than fits into one answer. */
  readonly more: boolean;
  readonly heard: readonly Heard[];
};

export type Heard = {
  readonly node: NodeName;
  /** Since it was asked. */
  readonly ageMs: number;
} & (
  | { readonly observation: Observation /** It took. */; readonly seconds: number }
  | { readonly failure: string }
);

const node = z.custom<NodeName>((value) => typeof value === 'string');
const observation = z.custom<Observation>((value) =>
  Array.isArray((value as { peers?: unknown } | undefined)?.peers),
);
const ageMs = z.number().min(0);
const page = z.object({
  next: z.string().max(100),
  more: z.boolean(),
  heard: z
    .array(
      z.union([
        z.object({ node, ageMs, observation, seconds: z.number() }),
        z.object({ node, ageMs, failure: z.string() }),
      ]),
    )
    .max(100_000),
});

/** Throws when it is none. */
export function readPage(text: string): ObservationPage {
  return page.parse(JSON.parse(text));
}

export function pathOfObservations(uid: string, since: string): string {
  const query = new URLSearchParams({ testnet: uid, since });
  return `/observations?${query.toString()}`;
}
