/** The events of one socket, which its transport reports. */
export interface Connection {
  /** A message has arrived. Its payload is valid only during the call. */
  message(payload: Uint8Array, isBinary: boolean): void;
  /** A ping or a pong has arrived. The transport answers pings itself. */
  control(): void;
  /**
   * The socket's queue has become shorter. If `queuedBytes` was above 0 and becomes 0, the transport calls this, unless a `send` returns
   * `sent`. An additional call does no harm.
   */
  drained(): void;
  closed(): void;
}
