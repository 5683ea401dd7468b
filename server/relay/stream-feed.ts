import { decodeRelayMessage } from './read-relay-message.js';
import type { Broker, Delivery, FeedStart, Reader } from './broker.js';
import type { RelayMessage } from './relay-message.js';
import type { RelayNames } from './relay-names.js';

/** A message of the stream, and its position there. */
export interface Positioned {
  readonly sequence: number;
  readonly subject: string;
  /** How many messages the stream had after this one when it was sent. */
  readonly pending: number;
  /** `undefined` if it cannot be read: another program has written it, or an origin of a later format. */
  readonly message: RelayMessage | undefined;
}

export interface FeedEvents {
  message(message: Positioned): void;
  /** Called before `message` if a message cannot be read. */
  unreadable(error: Error): void;
  /** The feed has ended with an error. No message follows. */
  broken(error: Error): void;
}

/** Reads a stream's messages in order. It breaks at the first one that is missing. */
export class StreamFeed {
  #reader: Reader | undefined;
  #isOver = false;
  #delivered = 0;

  private constructor(
    private readonly broker: Broker,
    private readonly names: RelayNames,
    private readonly events: FeedEvents,
  ) {}

  static async open(broker: Broker, names: RelayNames, start: FeedStart, events: FeedEvents): Promise<StreamFeed> {
    const feed = new StreamFeed(broker, names, events);
    await feed.#open(start);
    return feed;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader?.close();
  }

  async #open(start: FeedStart): Promise<void> {
    const { stream, all } = this.names;
    const reader = await this.broker.read({ name: stream, subjects: all }, start, {
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
    this.#take(place, data);
  }

  #take(place: Omit<Positioned, 'message'>, data: Uint8Array): void {
    let message: RelayMessage | undefined;
    try {
      message = decodeRelayMessage(data);
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
