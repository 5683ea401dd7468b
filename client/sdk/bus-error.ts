import type { ErrorCode } from '../../protocol/index.js';

/** What went wrong between a client and a bus. Every code has a row in the table of docs/SDK.md. */
export type BusErrorCode =
  | ErrorCode
  /** No endpoint file in or above the directory, and no url given. */
  | 'no-endpoint'
  /** A server is there, and its certificate is not trusted. */
  | 'untrusted'
  /** The endpoint file is not trusted, or the server at its url does not know the token. The token was not sent. */
  | 'untrusted-endpoint'
  /** No server answers at the url, or the server cannot accept the client now. */
  | 'unreachable'
  /** The token was refused. */
  | 'unauthorized'
  /** The Host or Origin was refused. */
  | 'forbidden'
  /** The server does not speak this protocol, or broke one of its rules. */
  | 'protocol'
  /** The bus is reachable, but cannot see or read the files that the answer depends on. */
  | 'unknown'
  /** The call took longer than its `timeoutMs`. */
  | 'timeout'
  /** The server's history no longer has the missed events, and the reader cannot tell which of the records from before are gone. */
  | 'resync'
  /** The client, the subscription or the mirror is closed, or a signal ended the wait. */
  | 'closed'
  /** More events wait than `bufferSize` of the subscription, and its `whenFull` is `fail`. */
  | 'overflow';

const RETRYABLE: ReadonlySet<BusErrorCode> = new Set(['unreachable', 'limit', 'internal', 'timeout', 'unknown']);

/** What the errors of all copies of the SDK in one process have. */
const MARK = Symbol.for('muse-bus.BusError');

/** The one error class of the SDK. */
export class BusError extends Error {
  /** True also for an error of another copy of this class: by `require` and by `import`, and of `muse-bus` and `muse-bus-client`. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class that a program derives from this one has instances of its own only.
    if (this !== BusError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && MARK in value;
  }

  override readonly name = 'BusError';

  constructor(
    readonly code: BusErrorCode,
    message: string,
    /** What to do about the error; may be empty. */
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    Object.defineProperty(this, MARK, { value: true });
  }

  /** Whether the same call may succeed later although nobody changes anything. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
