// What goes by: on a cluster the API server or an agent is away at times, and what could not be
// done is done when they are back.
import { type ErrorCode, PeerstormError } from '../errors.ts';

const passing: ReadonlySet<ErrorCode> = new Set([
  'API_UNREACHABLE',
  'API_BUSY',
  'API_ERROR',
  'CONTACT_LOST',
]);

export function isPassing(error: unknown): boolean {
  return error instanceof PeerstormError && passing.has(error.code);
}
