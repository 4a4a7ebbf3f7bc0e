// Who may read what nodes of this host answer: the controller, shown by a token that the API server
// says is its service account's, and made for agents alone. A token that was found good is looked
// at again each minute, while who brings it is let in: a run goes on for ten without that server.
// Whoever else knocks costs the server a review each, so few are under way at a time; they go over
// a client of their own, behind whose rate limit nothing of the agent's own work waits.
import { createHash } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import { type Api, type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import { agentAudience } from '../runtime/kubernetes/observations.ts';

type TokenReview = KubernetesObject & {
  readonly spec: { readonly token: string; readonly audiences: readonly string[] };
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly user?: { readonly username?: string };
  };
};

export type AccessDependencies = {
  readonly api: Pick<Api, 'create'>;
  readonly clock: Clock;
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly reader: string;
};

/** `busy`: ask again later. Throws when the API server cannot be asked. */
export type Access = (authorization: string | undefined) => Promise<'granted' | 'denied' | 'busy'>;

const goodForMs = 60_000;
const goodAloneMs = 600_000;
const reviewsAtOnce = 4;
/** A service account's has some 1,200 characters. */
const longestToken = 8_192;

export function createAccess({ api, clock, reader }: AccessDependencies): Access {
  /** Hashes of good tokens, and since when: the controller's, and its next one. */
  const good = new Map<string, number>();
  let reviews = 0;
  const review = async (token: string, key: string) => {
    if (reviews >= reviewsAtOnce) return 'busy';
    reviews += 1;
    try {
      const answer = await api.create<TokenReview>(resources.tokenReviews, reviewOf(token));
      if (isReader(answer, reader)) good.set(key, clock.now());
      else good.delete(key);
      return good.has(key) ? 'granted' : 'denied';
    } finally {
      reviews -= 1;
    }
  };
  return async (authorization) => {
    const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined || token.length > longestToken) return 'denied';
    const key = createHash('sha256').update(token).digest('hex');
    const now = clock.now();
    for (const [one, since] of good) if (now - since >= goodAloneMs) good.delete(one);
    const since = good.get(key);
    if (since === undefined) return await review(token, key);
    // The server may be away: then it stays as it was.
    if (now - since >= goodForMs) void review(token, key).catch(() => undefined);
    return 'granted';
  };
}

function reviewOf(token: string): TokenReview {
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    // Nothing is stored: it has no name.
    metadata: { name: '' },
    spec: { token, audiences: [agentAudience] },
  };
}

/** A server that knows no audiences says none; then the token may be for anybody. */
function isReader({ status }: TokenReview, reader: string): boolean {
  return (
    status?.authenticated === true &&
    status.audiences?.includes(agentAudience) === true &&
    status.user?.username === reader
  );
}
