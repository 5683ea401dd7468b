import type { RelayAccess, StreamLimits } from '../config/relay-options.js';

/** A message of a subject that no stream stores. */
export interface BrokerMessage {
  readonly data: Uint8Array;
  /** Answers the sender. Does nothing if the sender expects no answer. */
  respond(data: string): void;
}

/** The range of a stream. In an empty stream `firstSequence` is one more than `lastSequence`. */
export interface StreamInfo {
  /** The sequence of the first message that it still holds. */
  readonly firstSequence: number;
  /** The sequence of the last message that it has ever held. */
  readonly lastSequence: number;
  /** How many messages it holds. */
  readonly messages: number;
  readonly bytes: number;
  /** When it was created, which tells it from one of the same name before it; `undefined` if the broker does not say. */
  readonly created?: string | undefined;
  /** The largest message that it takes; `undefined` if it has no bound of its own. */
  readonly maxMessageBytes?: number | undefined;
  /** Why its settings do not suit the relay; `undefined` if they do. */
  readonly unfit?: string | undefined;
}

export interface StreamSpec {
  readonly name: string;
  /** The subjects whose messages it stores. */
  readonly subjects: string;
  readonly limits: StreamLimits;
}

export type MessageQuery = { readonly sequence: number } | { readonly lastOf: string };

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** When the stream has stored it, by the clock of the broker, Unix milliseconds. */
  readonly atMs: number;
}

/** A message that a stream sends to a reader. */
export interface Delivery {
  /** The sequence in the stream. */
  readonly sequence: number;
  /** The count of messages sent to this reader, from 1. A number that is missing is a lost message. */
  readonly number: number;
  readonly subject: string;
  /** How many messages were left for this reader when this one was sent. */
  readonly pending: number;
  readonly data: Uint8Array;
}

export type FeedStart = { readonly from: number } | 'last-per-subject';

export interface ReaderEvents {
  message(delivery: Delivery): void;
  /** The reader has ended. No message follows. */
  ended(why: string): void;
}

export interface Reader {
  close(): void;
}

/** The answer of a stream to a message from a {@link Sender}. */
export type Receipt =
  /** Stored. If the stream already had a message with this id, the sequence is that message's. */
  | { readonly is: 'stored'; readonly sequence: number }
  /** The stream's last message is not the expected one. */
  | { readonly is: 'wrong-sequence'; readonly description: string }
  | { readonly is: 'refused'; readonly description: string }
  /** No stream stores this subject. */
  | { readonly is: 'unheard' };

/** Sends messages to a stream, one after the other. Receipts arrive in the order of the messages; some may never arrive. */
export interface Sender {
  /** @throws Error if the message cannot be sent. */
  send(message: {
    readonly subject: string;
    readonly payload: Uint8Array;
    /** The stream stores the message only if its last message has this sequence. */
    readonly expectedLast: number;
    /** Identifies the message, so that the stream stores it only once. */
    readonly messageId: string;
    /** The stream stores the message only if its last message has this id. A message of another writer has another id or none. */
    readonly expectedLastId: string | undefined;
  }): void;
  close(): void;
}

export interface SenderEvents {
  receipt(receipt: Receipt): void;
  failed(error: Error): void;
}

/** The part of NATS that the relay uses: a connection that reconnects whenever it breaks, until it is closed. */
export interface Broker {
  /**
   * The largest message that the broker accepts, in bytes; `undefined` if the broker has not reported it. It is reported when a connection
   * is made: NATS tells an open one of no change.
   */
  readonly maxPayloadBytes: number | undefined;
  /** Breaks the connection, which is made again at once. */
  reconnect(): void;
  /**
   * Calls `changed` when the connection has broken, and when it is back; `refused` with each refusal that answers no request, of the access
   * or of a permission.
   */
  watchConnection(changed: (state: 'broken' | 'back') => void, refused?: (why: string) => void): void;
  /** @throws Error if the broker takes no message of this size, or the connection is closed. */
  publish(subject: string, data: string): void;
  /** Calls `heard` with each message of a subject, also after a reconnect. @returns a function that ends the subscription. */
  subscribe(subject: string, heard: (message: BrokerMessage) => void): () => void;
  /** Sends a request and waits for one answer. @throws Error if no answer arrives in time. */
  request(subject: string, data: string, timeoutMs: number): Promise<Uint8Array>;
  /** @returns `undefined` if there is no such stream. */
  findStream(name: string): Promise<StreamInfo | undefined>;
  /**
   * Creates the stream, or changes its configuration to the given one.
   * @throws StreamRefusedError if the broker answers that it cannot be so.
   */
  ensureStream(spec: StreamSpec): Promise<StreamInfo>;
  /** Counts the messages that were deleted inside a stream, one by one, at or after a sequence within its range. */
  countDeleted(stream: string, from: number): Promise<number>;
  /** Finds a message by its sequence, or the last one of a subject. @returns `undefined` if the stream does not hold it. */
  findMessage(stream: string, query: MessageQuery): Promise<StoredMessage | undefined>;
  /**
   * Appends a message to the stream of its subject if that stream's last message is the expected one.
   * @returns the sequence of the new message.
   * @throws WrongSequenceError if the last message is another one.
   */
  append(subject: string, payload: Uint8Array, expectedLast: number, timeoutMs: number): Promise<number>;
  /** Opens a sender, which does not wait for each answer. */
  sender(events: SenderEvents): Sender;
  /** Reads a stream from `start` on. */
  read(spec: Pick<StreamSpec, 'name' | 'subjects'>, start: FeedStart, events: ReaderEvents): Promise<Reader>;
  close(): Promise<void>;
}

/**
 * Connects once. Then the connection lasts until it is closed, and reconnects whenever it breaks.
 * @throws OptionError if a new attempt cannot succeed; AccessRefusedError; Error if the broker does not answer.
 */
export type ConnectBroker = (access: RelayAccess, name: string) => Promise<Broker>;

/** The stream's last message is not the expected one: another process has written to the stream. */
export class WrongSequenceError extends Error {
  override readonly name = 'WrongSequenceError';
}

/** The broker answers and refuses the stream or a message of it. */
export class StreamRefusedError extends Error {
  override readonly name = 'StreamRefusedError';
}

/** The broker answers and refuses this access. */
export class AccessRefusedError extends Error {
  override readonly name = 'AccessRefusedError';
}

/** The broker is connected, and did not answer. */
export class SilentBrokerError extends Error {
  override readonly name = 'SilentBrokerError';
  constructor(options: ErrorOptions) {
    super(
      'JetStream does not answer, although NATS is connected: has its disk been full, or has the stream no leader?',
      options,
    );
  }
}

/** Parses a message outside the stream. @returns `undefined` if it is no JSON. */
export function readJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
  } catch {
    return undefined;
  }
}
