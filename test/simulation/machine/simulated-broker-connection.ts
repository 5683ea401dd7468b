import {
  StreamRefusedError,
  WrongSequenceError,
  type Broker,
  type BrokerMessage,
  type ConnectBroker,
  type Delivery,
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
} from '../../../server/relay/broker.js';
import { Session, type Answer, type BrokerLink, type SessionListener } from './broker-session.js';
import type { SimulatedBroker } from './simulated-broker.js';
import type { SimulatedProcess } from './simulated-process.js';

/** The settings with which the relay uses the official client. */
const CONNECT_MS = 3_000;
const RETRY_MS = 250;
const PING_MS = 2_000;
const MAX_PINGS_UNANSWERED = 2;
/** The longest wait for an answer of JetStream itself. */
const API_MS = 5_000;
/** A reader ends after this time without a message or heartbeat. */
const READER_SILENCE_MS = 4_000;
const NOTHING = new Uint8Array();

interface Pending {
  settle(answer: Answer): void;
}

interface OpenReader {
  readonly events: ReaderEvents;
  /** The time of the last message or heartbeat. */
  heardAtMs: number;
}

/**
 * The client's end of a connection to the broker. It behaves over broken connections as the official client does. Messages published
 * without a connection are lost, except those published while it reconnects; subscriptions and questions survive a broken connection.
 */
export class SimulatedBrokerConnection implements Broker, SessionListener {
  #state: 'connecting' | 'open' | 'broken' | 'closed' = 'connecting';
  #session: Session | undefined;
  /** Messages to send as soon as the new connection is open. */
  #outbound: ((session: Session) => void)[] = [];
  #ids = 0;
  readonly #subscriptions = new Map<number, { readonly subject: string; heard(message: BrokerMessage): void }>();
  readonly #pending = new Map<number, Pending>();
  readonly #senders = new Map<number, SenderEvents>();
  readonly #readers = new Map<number, OpenReader>();
  readonly #watchers: ((state: 'broken' | 'back') => void)[] = [];
  #unanswered = 0;
  /** What the broker said when this connection was opened. */
  #maxPayloadBytes = 0;
  #cancelDial: () => void = () => undefined;
  #first: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(
    private readonly broker: SimulatedBroker,
    private readonly process: SimulatedProcess,
    private readonly link: BrokerLink,
    private readonly client: number,
  ) {}

  /** How a process connects, over the network path between its host and the broker. */
  static connectFor(broker: SimulatedBroker, process: SimulatedProcess, link: BrokerLink): ConnectBroker {
    return async () => {
      const connection = new SimulatedBrokerConnection(broker, process, link, broker.newClient());
      await new Promise<void>((resolve, reject) => {
        connection.#first = { resolve, reject };
        connection.#dial();
      });
      return connection;
    };
  }

  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  reconnect(): void {
    if (this.#state === 'open') this.lost();
  }

  watchConnection(changed: (state: 'broken' | 'back') => void): void {
    this.#watchers.push(changed);
  }

  publish(subject: string, data: string): void {
    const bytes = Buffer.from(data);
    this.#fit(bytes);
    this.#send((session) => {
      this.#atServer(session, () => this.broker.route(subject, bytes), bytes);
    });
  }

  subscribe(subject: string, heard: (message: BrokerMessage) => void): () => void {
    const id = ++this.#ids;
    this.#subscriptions.set(id, { subject, heard });
    if (this.#state === 'open') this.#atServer(this.#session!, (session) => session.subscriptions.set(id, subject));
    return () => {
      this.#subscriptions.delete(id);
      if (this.#state === 'open') this.#atServer(this.#session!, (session) => session.subscriptions.delete(id));
    };
  }

  request(subject: string, data: string, timeoutMs: number): Promise<Uint8Array> {
    const bytes = Buffer.from(data);
    return this.#ask<Uint8Array>(timeoutMs, (request) => {
      if (!this.broker.route(subject, bytes, `${String(this.client)}.${String(request)}`))
        this.broker.answer(this.client, request, { error: new Error('no responders') });
    });
  }

  findStream(name: string): Promise<StreamInfo | undefined> {
    return this.#api(() => this.broker.streams.get(name)?.info);
  }

  ensureStream(spec: StreamSpec): Promise<StreamInfo> {
    return this.#api(() => this.broker.ensureStream(spec));
  }

  countDeleted(stream: string, from: number): Promise<number> {
    return this.#api(() => this.broker.stream(stream).countDeleted(from));
  }

  findMessage(stream: string, query: MessageQuery): Promise<StoredMessage | undefined> {
    return this.#api(() => this.broker.stream(stream).find(query));
  }

  async append(subject: string, payload: Uint8Array, expectedLast: number, timeoutMs: number): Promise<number> {
    this.#fit(payload);
    const receipt = await this.#ask<Receipt>(
      timeoutMs,
      (request) => {
        const value = this.broker.publish({ subject, payload, expectedLast });
        if (!this.link.losesReceipts) this.broker.answer(this.client, request, { value });
      },
      payload,
    );
    switch (receipt.is) {
      case 'stored':
        return receipt.sequence;
      case 'wrong-sequence':
        throw new WrongSequenceError(receipt.description);
      case 'refused':
        throw new StreamRefusedError(receipt.description);
      case 'unheard':
        throw new Error('no responders');
    }
  }

  sender(events: SenderEvents): Sender {
    const id = ++this.#ids;
    this.#senders.set(id, events);
    return {
      send: (append) => {
        this.#fit(append.payload);
        this.#send((session) => {
          this.#atServer(
            session,
            () => {
              this.broker.send(session, id, append);
            },
            append.payload,
          );
        });
      },
      close: () => {
        this.#senders.delete(id);
      },
    };
  }

  async read({ name }: Pick<StreamSpec, 'name' | 'subjects'>, start: FeedStart, events: ReaderEvents): Promise<Reader> {
    const id = ++this.#ids;
    await this.#api((session) => {
      this.broker.consume(session, id, name, start);
    });
    this.#readers.set(id, { events, heardAtMs: this.process.elapsed() });
    this.#send((session) => {
      this.#atServer(session, () => {
        this.broker.pull(session, id);
      });
    });
    this.#watchSilence(id);
    return {
      close: () => {
        this.#readers.delete(id);
        if (this.#state === 'open') this.#atServer(this.#session!, (session) => session.consumers.delete(id));
      },
    };
  }

  close(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    this.#state = 'closed';
    this.#cancelDial();
    this.#leave();
    for (const { settle } of [...this.#pending.values()]) settle({ error: new Error('closed connection') });
    return Promise.resolve();
  }

  // ── the session ───────────────────────────────────────────────────────────────────────────────────────────────────

  #dial(): void {
    this.#outbound = [];
    const session = new Session(this.link, this.process, this.client, this);
    this.#session = session;
    const subscribed = new Map([...this.#subscriptions].map(([id, { subject }]) => [id, subject]));
    session.toServer.put(() => {
      this.broker.accept(session, subscribed);
    });
    this.#cancelDial = this.process.after(CONNECT_MS, () => {
      this.#dialFailed(new Error('timeout'));
    });
  }

  accepted(maxPayloadBytes: number): void {
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#cancelDial();
    const session = this.#session!;
    const isFirst = this.#state === 'connecting';
    this.#state = 'open';
    this.#unanswered = 0;
    // Subscriptions that were made while the connection was opening.
    for (const [id, { subject }] of this.#subscriptions)
      this.#atServer(session, ({ subscriptions }) => subscriptions.set(id, subject));
    for (const send of this.#outbound.splice(0)) send(session);
    this.#ping(session);
    if (isFirst) this.#first?.resolve();
    else this.#changed('back');
  }

  refused(): void {
    this.#dialFailed(new Error('connection refused'));
  }

  lost(): void {
    if (this.#state !== 'open') {
      this.#dialFailed(new Error('connection reset'));
      return;
    }
    this.#state = 'broken';
    this.#leave();
    this.#changed('broken');
    if (this.#isBroken()) this.#dial();
  }

  #isBroken(): boolean {
    return this.#state === 'broken';
  }

  #dialFailed(error: Error): void {
    this.#cancelDial();
    this.#leave();
    if (this.#state === 'connecting') {
      this.#state = 'closed';
      this.#first?.reject(error);
    } else if (this.#state === 'broken') {
      this.#cancelDial = this.process.after(RETRY_MS * (1 + this.link.fraction()), () => {
        this.#dial();
      });
    }
  }

  /** Closes the client's end; the broker is notified when it can be reached. */
  #leave(): void {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    session.isOpenAtClient = false;
    session.toServer.put(() => {
      this.broker.ended(session);
    });
  }

  #changed(state: 'broken' | 'back'): void {
    for (const watcher of this.#watchers) watcher(state);
  }

  #ping(session: Session): void {
    this.process.after(PING_MS, () => {
      if (this.#session !== session || this.#state !== 'open') return;
      if (this.#unanswered >= MAX_PINGS_UNANSWERED) {
        this.lost();
        return;
      }
      this.#unanswered++;
      this.#atServer(session, () => {
        session.tell((listener) => {
          listener.pong();
        });
      });
      this.#ping(session);
    });
  }

  pong(): void {
    this.#unanswered = 0;
  }

  // ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────

  #fit({ length }: Uint8Array): void {
    if (length > this.#maxPayloadBytes) throw new Error("'payload' max_payload size exceeded");
  }

  #send(send: (session: Session) => void): void {
    if (this.#state === 'open') send(this.#session!);
    else this.#outbound.push(send);
  }

  #atServer(session: Session, act: (session: Session) => unknown, payload: Uint8Array = NOTHING): void {
    session.toServer.put(() => {
      if (!session.isOpenAtServer) return;
      if (payload.length > this.broker.maxPayloadBytes) this.broker.drop(session);
      else act(session);
    });
  }

  #ask<T>(timeoutMs: number, act: (request: number, session: Session) => void, payload?: Uint8Array): Promise<T> {
    if (this.#state === 'closed') return Promise.reject(new Error('closed connection'));
    const request = ++this.#ids;
    return new Promise<T>((resolve, reject) => {
      const cancel = this.process.after(timeoutMs, () => {
        this.#pending.get(request)?.settle({ error: new Error('timeout') });
      });
      this.#pending.set(request, {
        settle: (answer) => {
          this.#pending.delete(request);
          cancel();
          if ('error' in answer) reject(answer.error);
          else resolve(answer.value as T);
        },
      });
      this.#send((session) => {
        this.#atServer(
          session,
          () => {
            act(request, session);
          },
          payload,
        );
      });
    });
  }

  #api<T>(act: (session: Session) => T): Promise<T> {
    return this.#ask<T>(API_MS, (request, session) => {
      let answer: Answer;
      try {
        answer = { value: act(session) };
      } catch (error) {
        answer = { error: error as Error };
      }
      this.broker.answer(this.client, request, answer);
    });
  }

  // ── what comes ────────────────────────────────────────────────────────────────────────────────────────────────────

  message(id: number, data: Uint8Array, reply: string | undefined): void {
    this.#subscriptions.get(id)?.heard({
      data,
      respond: (text) => {
        if (reply === undefined) return;
        const [client, request] = reply.split('.').map(Number);
        const value = Buffer.from(text);
        this.#send((session) => {
          this.#atServer(session, () => {
            this.broker.answer(client!, request!, { value });
          });
        });
      },
    });
  }

  answer(request: number, answer: Answer): void {
    this.#pending.get(request)?.settle(answer);
  }

  receipt(sender: number, receipt: Receipt): void {
    this.#senders.get(sender)?.receipt(receipt);
  }

  deliveries(id: number, deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const reader = this.#readers.get(id);
      if (!reader) return;
      reader.heardAtMs = this.process.elapsed();
      reader.events.message(delivery);
    }
  }

  idle(id: number): void {
    const reader = this.#readers.get(id);
    if (reader) reader.heardAtMs = this.process.elapsed();
  }

  readerEnded(id: number, why: string): void {
    const reader = this.#readers.get(id);
    this.#readers.delete(id);
    reader?.events.ended(why);
  }

  #watchSilence(id: number): void {
    this.process.after(READER_SILENCE_MS / 2, () => {
      const reader = this.#readers.get(id);
      if (!reader || this.#state === 'closed') return;
      if (this.process.elapsed() - reader.heardAtMs > READER_SILENCE_MS) this.readerEnded(id, 'heartbeats missed');
      else this.#watchSilence(id);
    });
  }
}
