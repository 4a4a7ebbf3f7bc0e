// From one exchange to a request that can be relied on: within the rate limit and the bound of
// requests in flight, ended by a time limit, repeated where that is safe. What the server did not
// take (429, 503 with Retry-After) is repeated whatever it is, no earlier than it asks for; what
// may have been done although no answer came is repeated only if doing it twice is the same as
// once.
import { fail, PeerstormError } from '../../errors.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type Asked, refusal, unreachable } from './api-errors.ts';
import type { Connection } from './connection.ts';
import type { RequestMetrics } from './metrics.ts';
import { createBucket, createSlots } from './pace.ts';
import { type Answer, type Limit, limitOf, type Method, readText, send } from './transport.ts';

export type Request = {
  /** For messages, after "cannot": `create pods b-test/a`. */
  readonly what: string;
  readonly method: Method;
  readonly path: string;
  readonly body?: unknown;
  /** Default: application/json. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
};

export type RequestOptions = {
  readonly userAgent: string;
  /** In the long run, and at once after a pause. */
  readonly qps?: number;
  readonly burst?: number;
  readonly inFlight?: number;
  /** Of one try, until its body is read; of streams, until their headers are there. */
  readonly timeoutMs?: number;
  /** How long a request is repeated. */
  readonly patienceMs?: number;
  readonly metrics?: RequestMetrics;
  /** Warning headers of the API server, each once. */
  readonly onWarning?: (text: string) => void;
  /** Ends everything that is under way. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: () => number;
};

export interface Requests {
  text(request: Request): Promise<string>;
  /** The body as it comes. */
  stream(request: Request): Promise<AsyncIterable<Buffer>>;
}

const bodyLimitBytes = 64 * 2 ** 20;
/** Of tries without an answer; the third pause is the last. */
const connectPausesMs = [100, 400, 1600];

export function openRequests(connection: Connection, options: RequestOptions): Requests {
  const { clock = systemClock, qps = 50, burst = 100, inFlight = 100 } = options;
  const tools: Tools = {
    connection,
    options,
    clock,
    bucket: createBucket(qps, burst, clock),
    slots: createSlots(inFlight),
    warned: new Set(),
  };
  return {
    text: (request) =>
      repeated(tools, request, async (answer, limit) => {
        using _ = limit;
        return await readText(answer, bodyLimitBytes);
      }),
    stream: (request) =>
      repeated(tools, request, async ({ body }, limit) => {
        limit.stopClock();
        body.once('close', () => limit[Symbol.dispose]());
        return await Promise.resolve(body as AsyncIterable<Buffer>);
      }),
  };
}

type Tools = {
  readonly connection: Connection;
  readonly options: RequestOptions;
  readonly clock: Clock;
  readonly bucket: ReturnType<typeof createBucket>;
  readonly slots: ReturnType<typeof createSlots>;
  readonly warned: Set<string>;
};

/** Must dispose of the limit. */
type Finish<T> = (answer: Answer, limit: Limit) => Promise<T>;

/** `pauseMs` says that it may be repeated, and when. */
type Outcome<T> =
  | { readonly value: T }
  | { readonly error: unknown; readonly pauseMs?: number; readonly code: string };

async function repeated<T>(tools: Tools, request: Request, finish: Finish<T>): Promise<T> {
  const { clock, options } = tools;
  const { patienceMs = 60_000, metrics } = options;
  const began = clock.now();
  let unauthorized = 0;
  for (let tries = 1; ; tries += 1) {
    const outcome = await once(tools, request, { finish, tries });
    if ('value' in outcome) return outcome.value;
    const { error, pauseMs, code } = outcome;
    if (code === '401') {
      // A token may have been replaced since it was read; one that is new and refused is wrong.
      tools.connection.expire();
      unauthorized += 1;
      if (unauthorized > 1) throw error;
    } else if (pauseMs === undefined || clock.now() - began + pauseMs > patienceMs) throw error;
    metrics?.repeated(request.method, code);
    await clock.sleep(pauseMs ?? 0, request.signal ?? options.signal);
    request.signal?.throwIfAborted();
    options.signal?.throwIfAborted();
  }
}

async function once<T>(
  tools: Tools,
  request: Request,
  { finish, tries }: { readonly finish: Finish<T>; readonly tries: number },
): Promise<Outcome<T>> {
  const { connection, options, clock } = tools;
  const asked: Asked = { what: request.what, who: connection.who, server: connection.server };
  await ownTurn(tools, request);
  const giveBack = await tools.slots.take(request.signal);
  const { timeoutMs = 30_000, metrics } = options;
  const limit = limitOf(request.timeoutMs ?? timeoutMs, [request.signal, options.signal]);
  const began = clock.now();
  const count = (code: string) =>
    metrics?.requested({ method: request.method, code, seconds: (clock.now() - began) / 1000 });
  let counted = false;
  try {
    const answer = await send(connection, exchangeOf(request, options.userAgent, limit.signal));
    count(String(answer.status));
    counted = true;
    warn(tools, answer);
    if (answer.status < 300) return { value: await finish(answer, limit) };
    const error = refusal(asked, answer.status, await readText(answer, bodyLimitBytes));
    limit[Symbol.dispose]();
    return { error, code: String(answer.status), ...pauseAsked(tools, request, { answer, tries }) };
  } catch (thrown) {
    // Readers of a body see only that it has ended.
    const error: unknown = limit.signal.aborted ? limit.signal.reason : thrown;
    limit[Symbol.dispose]();
    if (!counted) count('<error>');
    request.signal?.throwIfAborted();
    options.signal?.throwIfAborted();
    if (error instanceof PeerstormError) throw error;
    if (error instanceof RangeError)
      throw fail('API_ERROR', `cannot ${request.what}: ${error.message}`);
    const pauseMs = connectPausesMs[tries - 1];
    const again = pauseMs !== undefined && mayRepeat(request.method, error);
    return { error: unreachable(asked, error), code: '<error>', ...(again ? { pauseMs } : {}) };
  } finally {
    giveBack();
  }
}

/** The rate limit holds for repeats as well. */
async function ownTurn({ bucket, clock, options }: Tools, { method, signal }: Request) {
  const waitMs = bucket.reserve();
  if (waitMs > 0) await clock.sleep(waitMs, signal ?? options.signal);
  options.metrics?.waited(method, waitMs / 1000);
  signal?.throwIfAborted();
  options.signal?.throwIfAborted();
}

function exchangeOf(request: Request, userAgent: string, signal: AbortSignal) {
  const { method, path, body, contentType = 'application/json' } = request;
  const headers = { 'user-agent': userAgent };
  if (body === undefined) return { method, path, headers, signal };
  const text = JSON.stringify(body);
  return { method, path, headers: { ...headers, 'content-type': contentType }, body: text, signal };
}

/** Of 429 and 503: both say that nothing was done. api-conventions.md: wait at least that long. */
function pauseAsked(
  { options: { random = Math.random }, clock }: Tools,
  { method }: Request,
  { answer, tries }: { readonly answer: Answer; readonly tries: number },
): { readonly pauseMs?: number } {
  const { status, headers } = answer;
  if (status !== 429 && status !== 503) return {};
  const header = headers['retry-after'];
  const jitter = 1 + random() / 4;
  const asked = header === undefined ? undefined : retryAfterMs(header, clock.now());
  if (asked !== undefined) return { pauseMs: asked + random() * 250 };
  // Without the header a 503 may be a proxy's, whose server did it nevertheless.
  if (status === 503 && method === 'POST') return {};
  return { pauseMs: Math.min(30_000, 500 * 2 ** tries) * jitter };
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string, now: number): number | undefined {
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** No connection was made: nothing can have been done. */
const notSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function mayRepeat(method: Method, error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // What is wrong with a certificate stays wrong.
  if (/^ERR_TLS|CERT|SIGNATURE|ERR_SSL|EPROTO/.test(code)) return false;
  return method !== 'POST' || notSent.has(code);
}

/** RFC 7234 section 5.5: `299 - "text"`. */
function warn({ options: { onWarning }, warned }: Tools, { headers }: Answer): void {
  const header = headers['warning'];
  if (onWarning === undefined || header === undefined) return;
  for (const [, quoted = ''] of header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
    const text = quoted.replaceAll(/\\(.)/g, '$1');
    if (!warned.has(text)) onWarning(text);
    warned.add(text);
  }
}
