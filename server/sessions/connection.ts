/** What a transport tells whoever holds a socket. */
export interface Connection {
  /** The payload is valid only during the call. */
  message(payload: Uint8Array, isBinary: boolean): void;
  /** A ping or a pong has come; the transport has answered it. */
  control(): void;
  /**
   * The socket's queue has become shorter. Whoever has found `queuedBytes` above 0 is told by the time it is 0, by this or by
   * a `send` that returns `sent`. Told too often it does no harm.
   */
  drained(): void;
  closed(): void;
}
