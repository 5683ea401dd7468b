import type { BusError } from './bus-error.js';

/**
 * One connection's messages, whatever carries and encodes them: a WebSocket of Node or a browser, or a bus in the same
 * process.
 */
export interface Channel {
  send(message: readonly unknown[]): void;
  close(): void;
}

/** What a channel tells, never before `Dial` has returned: `message` any number of times, then `closed` once. */
export interface ChannelListener {
  /** As it was decoded; what it is, the client looks at. */
  message(message: unknown): void;
  /** @param error where it is known why no connection came about. */
  closed(code: number, reason: string, error?: BusError): void;
}

/** Opens a channel. The url and token are looked up anew each time: a server that was restarted may have others. */
export type Dial = (listener: ChannelListener) => Channel;
