// What the API server answers when it does not do what it was asked: a Status object, or, from
// proxies and unknown paths, plain text. Each becomes one PeerstormError that says what was wanted,
// by whom, and what the server said; the Status itself is its cause, for those who look closer.
import { type ErrorCode, fail, messageOf, PeerstormError } from '../../errors.ts';

/** The parts of meta/v1 Status that we read. */
export type Status = {
  readonly kind: 'Status';
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
    readonly retryAfterSeconds?: number;
  };
};

/** For messages: what was wanted, and who asked whom. */
export type Asked = { readonly what: string; readonly who: string; readonly server: string };

/** The error for an answer that is not 2xx. */
export function refusal(asked: Asked, code: number, text: string): PeerstormError {
  const status = parseStatus(code, text);
  const said = status.message ?? status.reason ?? 'no reason given';
  const message =
    code === 401
      ? `cannot ${asked.what}: ${asked.server} does not know ${asked.who}: ${said}`
      : `cannot ${asked.what}: ${code}: ${said}`;
  return fail(codeOf(status), message, status);
}

/** The error for no answer at all. */
export function unreachable({ what, server }: Asked, error: unknown): PeerstormError {
  return fail('API_UNREACHABLE', `cannot ${what}: ${server}: ${messageOf(error)}`, error);
}

/** What the server said, if this is an error of it. */
export function statusOf(error: unknown): Status | undefined {
  const cause = error instanceof PeerstormError ? error.cause : undefined;
  return isStatus(cause) ? cause : undefined;
}

/** True for errors of that code. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof PeerstormError && codes.includes(error.code);
}

/**
 * The object is not there. Not so when the whole resource, or the path, is unknown: that is text.
 */
export function isAbsent(status: Status | undefined): boolean {
  return status?.code === 404 && status.details?.name !== undefined;
}

function parseStatus(code: number, text: string): Status {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isStatus(parsed)) return { ...parsed, code };
  } catch {
    // Not every answer is from the API server itself.
  }
  const message = text.trim().slice(0, 500);
  return { kind: 'Status', code, ...(message === '' ? {} : { message }) };
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}

function codeOf(status: Status): ErrorCode {
  if (isAbsent(status)) return 'NOT_FOUND';
  // So it says what is wrong with a field of an applied object.
  if (status.message?.startsWith('failed to create typed patch object') === true) {
    return 'API_INVALID';
  }
  switch (status.code) {
    case 400:
    case 413:
    case 415:
    case 422:
      return 'API_INVALID';
    case 401:
    case 403:
      return 'API_FORBIDDEN';
    case 404:
    case 405:
      return 'API_ABSENT';
    case 409:
      return 'API_CONFLICT';
    case 429:
    case 503:
      return 'API_BUSY';
    default:
      return 'API_ERROR';
  }
}
