import type { RelayAccess, StreamLimits } from '../config/relay-options.js';

/** A message of a subject that is kept by nobody. */
export interface BrokerMessage {
  readonly data: Uint8Array;
  /** Answers whoever asked; nothing where nobody did. */
  respond(data: string): void;
}

/** How far a stream goes. One that is empty begins after its last message. */
export interface StreamInfo {
  /** Of the first message that it still holds. */
  readonly firstSequence: number;
  /** Of the last message that it ever held. */
  readonly lastSequence: number;
  /** How many it holds. */
  readonly messages: number;
  readonly bytes: number;
}

export interface StreamSpec {
  readonly name: string;
  /** The subjects whose messages it keeps. */
  readonly subjects: string;
  readonly limits: StreamLimits;
}

export type MessageQuery = { readonly sequence: number } | { readonly lastOf: string };

export interface StoredMessage {
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** A message of a stream on its way to a reader. */
export interface Delivery {
  /** In the stream. */
  readonly sequence: number;
  /** Among those that this reader has been sent, from 1: one that is missing has been lost on the way. */
  readonly number: number;
  readonly subject: string;
  /** Messages that were left for this reader when it was sent. */
  readonly pending: number;
  readonly data: Uint8Array;
}

export type FeedStart = { readonly from: number } | 'last-per-subject';

export interface ReaderEvents {
  message(delivery: Delivery): void;
  /** Nothing more comes. */
  ended(why: string): void;
}

export interface Reader {
  close(): void;
}

/** What a stream answers to a message that was sent without waiting. */
export type Receipt =
  /** Of the message that it already had, where it knew it by its id. */
  | { readonly is: 'stored'; readonly sequence: number }
  /** The stream's last message is another than was expected. */
  | { readonly is: 'wrong-sequence'; readonly description: string }
  | { readonly is: 'refused'; readonly description: string }
  /** No stream takes this subject. */
  | { readonly is: 'unheard' };

/** Messages to a stream, one after the other; the receipts come in the order of the messages, and some may never come. */
export interface Sender {
  /** @throws Error where the message cannot be sent. */
  send(message: {
    readonly subject: string;
    readonly payload: Uint8Array;
    /** The stream takes it only after this message. */
    readonly expectedLast: number;
    /** By which the stream knows a message that it already has. */
    readonly messageId: string | undefined;
  }): void;
  close(): void;
}

export interface SenderEvents {
  receipt(receipt: Receipt): void;
  failed(error: Error): void;
}

/** All that the relay needs of NATS: a connection that is made again whenever it breaks, until it is closed. */
export interface Broker {
  /** Bytes that a message may have, where it says so. */
  readonly maxPayloadBytes: number | undefined;
  /** Calls when the connection has broken, and when it has been made again. */
  watchConnection(changed: (state: 'broken' | 'back') => void): void;
  publish(subject: string, data: string): void;
  /** Calls with each message of a subject, also after the connection was made again. @returns ends it. */
  subscribe(subject: string, heard: (message: BrokerMessage) => void): () => void;
  /** @throws Error where nobody answers in time. */
  request(subject: string, data: string, timeoutMs: number): Promise<Uint8Array>;
  /** @returns `undefined` where there is no such stream. */
  findStream(name: string): Promise<StreamInfo | undefined>;
  /** Makes the stream, or brings its limits to what they should be. */
  ensureStream(spec: StreamSpec): Promise<StreamInfo>;
  /** How many messages somebody has deleted out of a stream, at or after a sequence that it still reaches back to. */
  countDeleted(stream: string, from: number): Promise<number>;
  /** A message by its sequence, or the last one of a subject; `undefined` where the stream does not hold it. */
  findMessage(stream: string, query: MessageQuery): Promise<StoredMessage | undefined>;
  /**
   * Appends a message to the stream of its subject if that stream's last message is the one expected. @returns its sequence.
   * @throws WrongSequenceError where it is another.
   */
  append(subject: string, payload: Uint8Array, expectedLast: number, timeoutMs: number): Promise<number>;
  /** Opens a way to send without waiting for each answer. */
  sender(events: SenderEvents): Sender;
  /** Reads a stream from some place on. */
  read(spec: Pick<StreamSpec, 'name' | 'subjects'>, start: FeedStart, events: ReaderEvents): Promise<Reader>;
  close(): Promise<void>;
}

/**
 * Connects once; the connection then lasts until it is closed, however often the broker goes away.
 * @throws OptionError where it can never be reached; AccessRefusedError; Error where nobody answers.
 */
export type ConnectBroker = (access: RelayAccess, name: string) => Promise<Broker>;

/** The stream's last message is another than was expected: somebody else has written. */
export class WrongSequenceError extends Error {
  override readonly name = 'WrongSequenceError';
}

/** The broker is there and lets nobody in with this access. */
export class AccessRefusedError extends Error {
  override readonly name = 'AccessRefusedError';
}

/** What a message outside the stream says; `undefined` where it says nothing that can be read. */
export function readJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
  } catch {
    return undefined;
  }
}
