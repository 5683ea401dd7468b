import type { ErrorCode } from '../../protocol/index.js';

/** What can go wrong between a client and a bus; every code has its line in the README's table of errors. */
export type BusErrorCode =
  | ErrorCode
  /** No endpoint file in or above the directory, and no url given. */
  | 'no-endpoint'
  /** A server is there, and its certificate is not trusted. */
  | 'untrusted'
  /** What says where the bus is cannot be believed, or who answers there is not the bus: no token was sent. */
  | 'untrusted-endpoint'
  /** Nobody answers at the url. */
  | 'unreachable'
  /** The token was refused. */
  | 'unauthorized'
  /** The Host or Origin was refused. */
  | 'forbidden'
  /** The other side speaks something else, or said what it may not. */
  | 'protocol'
  /** The bus answers, and cannot see or read what the answer depends on. */
  | 'unknown'
  /** The call took longer than it was given. */
  | 'timeout'
  /** What happened meanwhile is gone from the server's history, and no snapshot was asked for that would show what is so now. */
  | 'resync'
  /** The client was closed, or the subscription's signal aborted. */
  | 'closed'
  /** More events waited than the subscription's buffer holds, and its policy is to fail. */
  | 'overflow';

const RETRYABLE: ReadonlySet<BusErrorCode> = new Set(['unreachable', 'limit', 'internal', 'timeout', 'unknown']);

/** The one error class of the SDK. */
export class BusError extends Error {
  override readonly name = 'BusError';

  constructor(
    readonly code: BusErrorCode,
    message: string,
    /** What to do about it. */
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same call may succeed later without anything being changed. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
