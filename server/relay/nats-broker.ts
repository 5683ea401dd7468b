import type { ConsumerConfig, ConsumerMessages, JetStreamManager } from '@nats-io/jetstream';
import {
  AccessRefusedError,
  SilentBrokerError,
  StreamRefusedError,
  WrongSequenceError,
  type Broker,
  type BrokerMessage,
  type ConnectBroker,
  type FeedStart,
  type MessageQuery,
  type Reader,
  type ReaderEvents,
  type Receipt,
  type Sender,
  type SenderEvents,
  type StoredMessage,
  type StreamInfo,
  type StreamSpec,
} from './broker.js';
import { systemClock } from '../runtime/clock.js';
import { connectNats, type Nats } from './nats.js';
import { NatsSubscription } from './nats-subscription.js';
import { streamConfig, streamFault, type WantedConfig } from './stream-config.js';

/** Error codes of JetStream. */
const STREAM_NOT_FOUND = 10_059;
const WRONG_SEQUENCE = 10_071;
const WRONG_LAST_ID = 10_070;

/** How many messages a reader requests in advance. */
const AHEAD = 4_096;
/** The interval of a reader's heartbeats. The client reports a reader as broken after it has missed two. */
const HEARTBEAT_MS = 1_000;
const REQUEST_MS = 20_000;
/** The interval at which a question without an answer is asked again, and how often. */
const AGAIN_MS = 700;
const MAX_ATTEMPTS = 40;
/** JetStream deletes a consumer that is not read for this long. */
const FORGET_NS = 30e9;

/** The status events after which a reader receives nothing more. */
const ENDS: ReadonlySet<string> = new Set([
  'heartbeats_missed',
  'consumer_not_found',
  'consumer_deleted',
  'stream_not_found',
  'no_responders',
]);

/** Connects to a NATS server. */
export const connectNatsBroker: ConnectBroker = async (access, name) => {
  try {
    return new NatsBroker(await connectNats(access, name));
  } catch (error) {
    const { name: kind, message } = error as Error;
    const isRefused = kind === 'AuthorizationError' || kind === 'UserAuthenticationExpiredError';
    throw isRefused ? new AccessRefusedError(message, { cause: error }) : error;
  }
};

/** A {@link Broker} on the official NATS clients. */
class NatsBroker implements Broker {
  /** The configuration that each stream was made with. */
  readonly #wanted = new Map<string, WantedConfig>();

  constructor(private readonly nats: Nats) {}

  get maxPayloadBytes(): number | undefined {
    return this.nats.connection.info?.max_payload;
  }

  reconnect(): void {
    // One that is closed stays closed.
    this.nats.connection.reconnect().catch(() => undefined);
  }

  watchConnection(changed: (state: 'broken' | 'back') => void, refused?: (why: string) => void): void {
    void (async () => {
      for await (const status of this.nats.connection.status()) {
        if (status.type === 'disconnect') changed('broken');
        else if (status.type === 'reconnect') changed('back');
        else if (status.type === 'error') refused?.(status.error.message);
      }
    })();
  }

  publish(subject: string, data: string): void {
    this.nats.connection.publish(subject, data);
  }

  subscribe(subject: string, heard: (message: BrokerMessage) => void): () => void {
    const subscription = new NatsSubscription(this.nats.connection, systemClock, subject, heard);
    return () => {
      subscription.close();
    };
  }

  async request(subject: string, data: string, timeoutMs: number): Promise<Uint8Array> {
    return (await this.nats.connection.request(subject, data, { timeout: timeoutMs })).data;
  }

  async findStream(name: string): Promise<StreamInfo | undefined> {
    const found = await this.#stream(name);
    if (!found) return undefined;
    const wanted = this.#wanted.get(name);
    return { ...infoOf(found), unfit: wanted && streamFault(found.config, wanted) };
  }

  async ensureStream({ name, subjects, limits }: StreamSpec): Promise<StreamInfo> {
    try {
      const found = await this.#stream(name);
      const wanted = streamConfig(subjects, limits);
      const made = found
        ? streamFault(found.config, wanted) === undefined
          ? found
          : await this.#ask(({ streams }) => streams.update(name, wanted))
        : await this.#ask(({ streams }) => streams.add({ name, ...wanted }));
      this.#wanted.set(name, wanted);
      const fault = streamFault(made.config, wanted);
      if (fault === undefined) return infoOf(made);
      throw new StreamRefusedError(`the stream ${name} does not suit the relay: ${fault}`);
    } catch (error) {
      throw isAnswer(error) ? new StreamRefusedError((error as Error).message, { cause: error }) : error;
    }
  }

  async countDeleted(stream: string, from: number): Promise<number> {
    const { state } = await this.#ask(({ streams }) => streams.info(stream, { deleted_details: true }));
    // NATS omits the field if no message was deleted, although the client's type requires it.
    const { deleted } = state as { readonly deleted?: readonly number[] };
    return (deleted ?? []).filter((sequence) => sequence >= from).length;
  }

  async findMessage(stream: string, query: MessageQuery): Promise<StoredMessage | undefined> {
    const asked = 'sequence' in query ? { seq: query.sequence } : { last_by_subj: query.lastOf };
    const found = await this.#ask(({ streams }) => streams.getMessage(stream, asked));
    return found
      ? { sequence: found.seq, subject: found.subject, data: found.data, atMs: found.time.getTime() }
      : undefined;
  }

  async append(subject: string, payload: Uint8Array, expectedLast: number, timeoutMs: number): Promise<number> {
    try {
      const expect = { lastSequence: expectedLast };
      return (await this.nats.client.publish(subject, payload, { expect, timeout: timeoutMs })).seq;
    } catch (error) {
      const { message } = error as Error;
      if (isSilence(error)) throw new SilentBrokerError({ cause: error });
      if (message.includes('wrong last sequence')) throw new WrongSequenceError(message, { cause: error });
      throw isAnswer(error) ? new StreamRefusedError(message, { cause: error }) : error;
    }
  }

  sender(events: SenderEvents): Sender {
    const { connection, transport } = this.nats;
    const inbox = this.nats.inbox();
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error) events.failed(error);
        else events.receipt(receiptOf(message));
      },
    });
    return {
      send: ({ subject, payload, expectedLast, messageId, expectedLastId }) => {
        const headers = transport.headers();
        headers.set('Nats-Expected-Last-Sequence', String(expectedLast));
        headers.set('Nats-Msg-Id', messageId);
        if (expectedLastId !== undefined) headers.set('Nats-Expected-Last-Msg-Id', expectedLastId);
        connection.publish(subject, payload, { headers, reply: inbox });
      },
      close: () => {
        subscription.unsubscribe();
      },
    };
  }

  async read(
    { name, subjects }: Pick<StreamSpec, 'name' | 'subjects'>,
    start: FeedStart,
    events: ReaderEvents,
  ): Promise<Reader> {
    const { client } = this.nats;
    const config: Partial<ConsumerConfig> = {
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: FORGET_NS,
      filter_subject: subjects,
      ...(start === 'last-per-subject'
        ? { deliver_policy: 'last_per_subject' }
        : { deliver_policy: 'by_start_sequence', opt_start_seq: start.from }),
    };
    const info = await this.#ask(({ consumers }) => consumers.add(name, config));
    const messages = await client.consumers.getConsumerFromInfo(info).consume({
      max_messages: AHEAD,
      expires: REQUEST_MS,
      idle_heartbeat: HEARTBEAT_MS,
      callback: ({ subject, data, info: { streamSequence, deliverySequence, pending } }) => {
        events.message({ sequence: streamSequence, number: deliverySequence, subject, pending, data });
      },
    });
    void watchEnd(messages, events);
    return { close: () => void messages.close() };
  }

  close(): Promise<void> {
    return this.nats.connection.close();
  }

  /**
   * Asks, and asks again while there is no answer: a question that is asked while a stream has no leader is never answered, and an election
   * takes some seconds. The first answer counts, so that one that is only slow is waited for, too. What is asked may be done twice: a stream
   * that is there already is the same, and a consumer that nobody reads is deleted.
   */
  #ask<T>(question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let cancel: () => void = () => undefined;
      const ask = (attempt: number): void => {
        if (attempt < MAX_ATTEMPTS) cancel = systemClock.after(AGAIN_MS, () => ask(attempt + 1));
        question(this.nats.manager).then(
          (answer) => {
            cancel();
            resolve(answer);
          },
          (error: unknown) => {
            if (isSilence(error) && attempt < MAX_ATTEMPTS) return;
            cancel();
            if (isSilence(error)) reject(new SilentBrokerError({ cause: error }));
            else reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      };
      ask(1);
    });
  }

  async #stream(name: string): Promise<NatsStream | undefined> {
    try {
      return await this.#ask(({ streams }) => streams.info(name));
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === STREAM_NOT_FOUND) return undefined;
      throw error;
    }
  }
}

type NatsStream = Awaited<ReturnType<JetStreamManager['streams']['info']>>;

const isSilence = (error: unknown): boolean => (error as Error).name === 'TimeoutError';

/** Whether JetStream has answered with one of its errors, or NATS that this user may not ask. */
function isAnswer(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: Error };
  const isForbidden = [error as Error, cause].some((one) => one?.name === 'PermissionViolationError');
  return typeof code === 'number' || isForbidden;
}

async function watchEnd(messages: ConsumerMessages, events: ReaderEvents): Promise<void> {
  for await (const { type } of messages.status()) if (ENDS.has(type)) events.ended(type.replaceAll('_', ' '));
}

interface NatsStreamInfo {
  readonly created: string;
  readonly config: { readonly max_msg_size: number };
  readonly state: {
    readonly first_seq: number;
    readonly last_seq: number;
    readonly messages: number;
    readonly bytes: number;
  };
}

function infoOf({ config, state, created }: NatsStreamInfo): StreamInfo {
  const { first_seq: firstSequence, last_seq: lastSequence, messages, bytes } = state;
  const maxMessageBytes = config.max_msg_size > 0 ? config.max_msg_size : undefined;
  return { firstSequence, lastSequence, messages, bytes, created, maxMessageBytes };
}

interface Acknowledgement {
  readonly seq?: number;
  readonly error?: { readonly err_code?: number; readonly description: string };
}

function receiptOf(message: { readonly headers?: { readonly code: number } | undefined; json(): unknown }): Receipt {
  if ((message.headers?.code ?? 0) >= 400) return { is: 'unheard' };
  const { seq, error } = message.json() as Acknowledgement;
  if (error) {
    const isElse = error.err_code === WRONG_SEQUENCE || error.err_code === WRONG_LAST_ID;
    const is = isElse ? 'wrong-sequence' : 'refused';
    return { is, description: error.description };
  }
  return { is: 'stored', sequence: seq ?? 0 };
}
