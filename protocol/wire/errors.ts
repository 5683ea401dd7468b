/**
 * What an `error` message may say. Every code has its line in PROTOCOL.md; a connection stays open after each of them.
 */
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

/** WebSocket close codes the server uses. Which of them ask for a reconnection is in {@link RECONNECT_AFTER}. */
export const CloseCode = {
  /** The server is going away; the reason suggests a delay in milliseconds, `shutdown retry=500`. */
  goingAway: 1001,
  /** A message longer than the server takes. */
  tooLarge: 1009,
  /** The server failed over this connection. */
  internal: 1011,
  /** The token is no longer accepted. */
  unauthorized: 4401,
  /** Too slow for even a resync to be delivered. */
  tooSlow: 4408,
  /** Too many messages, subscriptions or bad inputs. */
  tooMany: 4429,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** Whether a client should connect again after a close code of the server's; any other code (1006, …) means yes. */
export const RECONNECT_AFTER: Readonly<Record<CloseCode, 'yes' | 'later' | 'no'>> = {
  [CloseCode.goingAway]: 'yes',
  [CloseCode.tooLarge]: 'no',
  [CloseCode.internal]: 'later',
  [CloseCode.unauthorized]: 'no',
  [CloseCode.tooSlow]: 'yes',
  [CloseCode.tooMany]: 'later',
};

/** A message that is refused, with the code that the `error` reply carries and a text that says what to do. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}
