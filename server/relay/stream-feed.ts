import type { ConsumerConfig } from '@nats-io/jetstream';
import type { RelayMessage } from './relay-message.js';
import { decodeRelayMessage } from './read-relay-message.js';
import type { ConsumerMessages, Nats } from './nats.js';
import type { RelayNames } from './relay-names.js';

/** Messages asked for in advance. */
const AHEAD = 4_096;
/** A feed that shows no sign of life for twice as long is broken. */
const HEARTBEAT_MS = 2_000;
const REQUEST_MS = 20_000;
/** JetStream forgets a feed that nobody reads. */
const FORGET_NS = 30e9;

/** What JetStream says of a feed that will bring nothing more. */
const ENDS: ReadonlySet<string> = new Set([
  'heartbeats_missed',
  'consumer_not_found',
  'consumer_deleted',
  'stream_not_found',
  'no_responders',
]);

/** A message of the stream and where it stands in it. */
export interface Positioned {
  readonly sequence: number;
  readonly subject: string;
  /** Messages that are in the stream after this one, when it was sent. */
  readonly pending: number;
  /** `undefined` where it cannot be read: no origin has written it, or one of a later format. */
  readonly message: RelayMessage | undefined;
}

export interface FeedEvents {
  message(message: Positioned): void;
  /** Called before `message` with one that cannot be read. */
  unreadable(error: Error): void;
  /** Nothing more comes of this feed. */
  broken(error: Error): void;
}

export type FeedStart = { readonly from: number } | 'last-per-subject';

/** A stream's messages in their order, from some place on; ends itself at the first that is missing. */
export class StreamFeed {
  #messages: ConsumerMessages | undefined;
  #isOver = false;
  #delivered = 0;

  private constructor(
    private readonly nats: Nats,
    private readonly names: RelayNames,
    private readonly events: FeedEvents,
  ) {}

  static async open(nats: Nats, names: RelayNames, start: FeedStart, events: FeedEvents): Promise<StreamFeed> {
    const feed = new StreamFeed(nats, names, events);
    await feed.#open(start);
    return feed;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    void this.#messages?.close();
  }

  async #open(start: FeedStart): Promise<void> {
    const { manager, client } = this.nats;
    const { stream, all } = this.names;
    const config: Partial<ConsumerConfig> = {
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: FORGET_NS,
      filter_subject: all,
      ...(start === 'last-per-subject'
        ? { deliver_policy: 'last_per_subject' }
        : { deliver_policy: 'by_start_sequence', opt_start_seq: start.from }),
    };
    const info = await manager.consumers.add(stream, config);
    const consumer = client.consumers.getConsumerFromInfo(info);
    const messages = await consumer.consume({
      max_messages: AHEAD,
      expires: REQUEST_MS,
      idle_heartbeat: HEARTBEAT_MS,
      callback: (message) => {
        if (this.#isOver) return;
        const { streamSequence, deliverySequence, pending } = message.info;
        if (deliverySequence !== ++this.#delivered) {
          this.#break(new Error(`message ${String(this.#delivered)} of the feed is missing`));
          return;
        }
        this.#take({ sequence: streamSequence, subject: message.subject, pending }, message.data);
      },
    });
    this.#messages = messages;
    if (this.#isOver) void messages.close();
    void this.#watch(messages);
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
      // What was taken in and what not is not known: begun anew, that is found out.
      this.#break(error as Error);
    }
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (ENDS.has(type)) this.#break(new Error(`the feed is broken: ${type.replaceAll('_', ' ')}`));
    }
  }

  #break(error: Error): void {
    if (this.#isOver) return;
    this.close();
    this.events.broken(error);
  }
}
