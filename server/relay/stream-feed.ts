import { decodeStored } from './read-relay-message.js';
import type { Broker, Delivery, FeedStart, Reader } from './broker.js';
import type { RelayMessage } from './relay-message.js';
import type { RelayNames } from './relay-names.js';
import type { SealCheck } from './seal.js';

/** A message of the stream, and its position there. */
export interface Positioned {
  readonly sequence: number;
  readonly subject: string;
  /** How many messages the stream had after this one when it was sent. */
  readonly pending: number;
  /** `undefined` if it cannot be read: another program has written it, or an origin of a later format. */
  readonly message: RelayMessage | undefined;
}

/** Where messages come from, and how those of the origin are told from others. */
export interface FeedSource {
  readonly broker: Broker;
  readonly names: RelayNames;
  /** Without it every message that can be read is accepted. */
  readonly seal?: SealCheck | undefined;
}

/** A message that the origin has not signed for its place. */
export class UnsealedError extends Error {
  override readonly name = 'UnsealedError';

  constructor() {
    super('a message in the stream is not signed by the origin for its place: who else may write to this stream?');
  }
}

export interface FeedEvents {
  message(message: Positioned): void;
  /** Called before `message` if a message cannot be read. */
  unreadable(error: Error): void;
  /** The feed has ended with an error. No message follows. */
  broken(error: Error): void;
}

/** The most messages, and bytes of them, that are checked together. */
const MAX_BATCH_MESSAGES = 256;
const MAX_BATCH_BYTES = 1_048_576;

type Arrived = Omit<Positioned, 'message'> & { readonly data: Uint8Array };

/**
 * Reads a stream's messages in order. It breaks at the first one that is missing. Messages that must be signed are kept while more are on
 * their way, and checked together: then one signature is enough for all that follow each other.
 */
export class StreamFeed {
  #reader: Reader | undefined;
  #isOver = false;
  #delivered = 0;
  #kept: Arrived[] = [];
  #keptBytes = 0;

  private constructor(
    private readonly source: FeedSource,
    private readonly events: FeedEvents,
  ) {}

  static async open(source: FeedSource, start: FeedStart, events: FeedEvents): Promise<StreamFeed> {
    const feed = new StreamFeed(source, events);
    await feed.#open(start);
    return feed;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader?.close();
  }

  async #open(start: FeedStart): Promise<void> {
    const { broker, names } = this.source;
    const { stream, all } = names;
    const reader = await broker.read({ name: stream, subjects: all }, start, {
      message: (delivery) => {
        this.#deliver(delivery);
      },
      ended: (why) => {
        this.#break(new Error(`the feed is broken: ${why}`));
      },
    });
    this.#reader = reader;
    if (this.#isOver) reader.close();
  }

  #deliver({ number, data, ...place }: Delivery): void {
    if (this.#isOver) return;
    if (number !== ++this.#delivered) {
      this.#break(new Error(`message ${String(this.#delivered)} of the feed is missing`));
      return;
    }
    const { seal } = this.source;
    if (!seal) {
      this.#take({ ...place, data }, true);
      return;
    }
    this.#kept.push({ ...place, data });
    this.#keptBytes += data.length;
    const isFull = this.#kept.length === MAX_BATCH_MESSAGES || this.#keptBytes >= MAX_BATCH_BYTES;
    if (place.pending === 0 || isFull) this.#takeKept(seal);
  }

  #takeKept(seal: SealCheck): void {
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    const sealed = seal.areSealed(kept);
    for (const [i, arrived] of kept.entries()) {
      if (this.#isOver) return;
      this.#take(arrived, sealed[i]!);
    }
  }

  #take({ data, ...place }: Arrived, isSealed: boolean): void {
    let message: RelayMessage | undefined;
    try {
      if (!isSealed) throw new UnsealedError();
      message = decodeStored({ ...place, data }, this.source.names);
    } catch (error) {
      this.events.unreadable(error as Error);
    }
    try {
      this.events.message({ ...place, message });
    } catch (error) {
      // Which part of the message was applied is not known. The feed ends, and its owner opens a new one where it knows the state.
      this.#break(error as Error);
    }
  }

  #break(error: Error): void {
    if (this.#isOver) return;
    this.close();
    this.events.broken(error);
  }
}
