import type { BusError } from './bus-error.js';

/**
 * The messages of one connection. Implementations carry them over a WebSocket of Node or of a browser, or to a bus in the same process.
 */
export interface Channel {
  /** Sends a message; drops it if the channel is not open. */
  send(message: readonly unknown[]): void;
  /** Returns the bytes that a message takes on this channel. */
  bytesOf(message: readonly unknown[]): number;
  /** Closes the channel; if it is still connecting, gives the attempt up. */
  close(): void;
}

/** What a channel calls, never before `Dial` has returned: `message` any number of times, then `closed` once. */
export interface ChannelListener {
  /** @param message the decoded message, not validated; `undefined` if it could not be decoded. */
  message(message: unknown): void;
  /** @param code WebSocket close code. @param reason its text, may be empty. @param error why the connection failed, if that is known. */
  closed(code: number, reason: string, error?: BusError): void;
}

/** Opens a channel. Looks up url and token at each call: a restarted server may have others. */
export type Dial = (listener: ChannelListener) => Channel;
