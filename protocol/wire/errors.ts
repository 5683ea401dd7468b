/** The codes of an `error` message. PROTOCOL.md has a line for each. The connection stays open after each of them. */
export const ERROR_CODES = [
  'bad-message',
  'bad-option',
  'binary-only',
  'text-only',
  'duplicate-subscription',
  'unknown-subscription',
  'limit',
  'internal',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The WebSocket close codes that the server uses. {@link RECONNECT_AFTER} says after which of them a client reconnects. */
export const CloseCode = {
  /** The server is going away. The reason suggests a delay in milliseconds: `shutdown retry=500`. */
  goingAway: 1001,
  /** A message was longer than the server accepts. */
  tooLarge: 1009,
  /** The server failed while it served this connection. */
  internal: 1011,
  /** The token is no longer accepted. */
  unauthorized: 4401,
  /** The client reads too slowly to receive even a resync. */
  tooSlow: 4408,
  /** Too many messages, subscriptions or bad inputs. */
  tooMany: 4429,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** Whether a client should reconnect after a close code of the server. After any other code (1006, …) it should. */
export const RECONNECT_AFTER: Readonly<Record<CloseCode, 'yes' | 'later' | 'no'>> = {
  [CloseCode.goingAway]: 'yes',
  [CloseCode.tooLarge]: 'no',
  [CloseCode.internal]: 'later',
  [CloseCode.unauthorized]: 'no',
  [CloseCode.tooSlow]: 'yes',
  [CloseCode.tooMany]: 'later',
};

/** The error for a refused message: the code for the `error` reply, and a text that says what to do. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}
