import type { Delivery, FeedStart, Receipt, StreamInfo, StreamSpec } from '../../../server/relay/broker.js';
import type { Answer, BrokerLink, Consumer, Session } from './broker-session.js';
import type { SimulatedProcess } from './simulated-process.js';
import { SimulatedStream, StreamCursor, type Append } from './simulated-stream.js';
import type { SimulatedTime } from './simulated-time.js';

/** The interval of heartbeats to a consumer without messages. */
const IDLE_HEARTBEAT_MS = 2_000;
/** The most messages in one packet. */
const MAX_TOGETHER = 64;

/** The part of a NATS server with JetStream that the relay uses. The contract test checks it against the real server. */
export class SimulatedBroker {
  readonly streams = new Map<string, SimulatedStream>();
  readonly #sessions = new Set<Session>();
  /** The session that carries the answers to a client. */
  readonly #inboxes = new Map<number, Session>();
  #isRunning = true;
  #clients = 0;
  /** The largest message that it takes. A client is told of it when it connects. */
  maxPayloadBytes = 1_048_576;

  constructor(readonly time: SimulatedTime) {}

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The number of a client, the same in all its sessions. */
  newClient(): number {
    return ++this.#clients;
  }

  /** Called when a process has ended: its kernel closes the connections. */
  processEnded(process: SimulatedProcess, link: BrokerLink): void {
    for (const session of [...link.sessions]) {
      if (session.process !== process || !session.isOpenAtClient) continue;
      session.isOpenAtClient = false;
      session.toServer.put(() => {
        this.ended(session);
      });
    }
  }

  // ── what operators do ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Kills the broker; its stored messages stay. */
  kill(): void {
    this.#isRunning = false;
    for (const session of [...this.#sessions]) this.drop(session);
  }

  start(): void {
    for (const stream of this.streams.values()) stream.restart();
    this.#isRunning = true;
  }

  deleteStream(name: string): void {
    const stream = this.streams.get(name);
    this.streams.delete(name);
    for (const session of this.#sessions) {
      for (const [id, consumer] of session.consumers) {
        if (consumer.stream !== stream) continue;
        session.consumers.delete(id);
        session.tell((listener) => {
          listener.readerEnded(id, 'consumer deleted');
        });
      }
    }
  }

  /** Publishes a message from any client. */
  publish(append: Append): Receipt {
    for (const stream of this.streams.values()) {
      if (!stream.takes(append.subject)) continue;
      const receipt = stream.append(append);
      this.#pump(stream);
      return receipt;
    }
    return { is: 'unheard' };
  }

  // ── what clients ask ──────────────────────────────────────────────────────────────────────────────────────────────

  accept(session: Session, resubscribe: ReadonlyMap<number, string>): void {
    if (!this.#isRunning) {
      session.tell((listener) => {
        listener.refused();
      });
      return;
    }
    session.isOpenAtServer = true;
    for (const [id, subject] of resubscribe) session.subscriptions.set(id, subject);
    this.#sessions.add(session);
    this.#inboxes.set(session.client, session);
    session.tell((listener) => {
      listener.accepted(this.maxPayloadBytes);
    });
  }

  /** Closes a connection, as the broker does with a client that sends too large a message. */
  drop(session: Session): void {
    session.tell((listener) => {
      listener.lost();
    });
    this.#close(session);
  }

  /** Called when the broker learns that a client has closed its session. */
  ended(session: Session): void {
    this.#close(session);
    session.link.sessions.delete(session);
  }

  /** @returns whether any subscription receives it. */
  route(subject: string, data: Uint8Array, reply?: string): boolean {
    let isHeard = false;
    for (const session of this.#sessions) {
      for (const [id, subscribed] of session.subscriptions) {
        if (subscribed !== subject) continue;
        isHeard = true;
        session.tell((listener) => {
          listener.message(id, data, reply);
        });
      }
    }
    return isHeard;
  }

  /** Sends an answer to a client over its current session. */
  answer(client: number, request: number, answer: Answer): void {
    this.#inboxes.get(client)?.tell((listener) => {
      listener.answer(request, answer);
    });
  }

  send(session: Session, sender: number, append: Append): void {
    const receipt = this.publish(append);
    if (session.link.losesReceipts) return;
    this.#inboxes.get(session.client)?.tell((listener) => {
      listener.receipt(sender, receipt);
    });
  }

  ensureStream(spec: StreamSpec): StreamInfo {
    const found = this.streams.get(spec.name);
    const stream = found ?? new SimulatedStream(spec, () => this.time.now);
    stream.spec = spec;
    stream.discard();
    this.streams.set(spec.name, stream);
    return stream.info;
  }

  stream(name: string): SimulatedStream {
    const stream = this.streams.get(name);
    if (!stream) throw new Error('stream not found');
    return stream;
  }

  consume(session: Session, reader: number, name: string, start: FeedStart): void {
    const stream = this.stream(name);
    session.consumers.set(reader, {
      stream,
      cursor: new StreamCursor(stream, start),
      isPulled: false,
      sentAtMs: this.time.now,
    });
  }

  pull(session: Session, reader: number): void {
    const consumer = session.consumers.get(reader);
    if (!consumer) {
      session.tell((listener) => {
        listener.readerEnded(reader, 'consumer not found');
      });
      return;
    }
    consumer.isPulled = true;
    this.#feed(session, reader, consumer);
    this.#keepAlive(session, reader, consumer);
  }

  #keepAlive(session: Session, reader: number, consumer: Consumer): void {
    this.time.after(IDLE_HEARTBEAT_MS, () => {
      if (!session.isOpenAtServer || session.consumers.get(reader) !== consumer) return;
      if (this.time.now - consumer.sentAtMs >= IDLE_HEARTBEAT_MS)
        session.tell((listener) => {
          listener.idle(reader);
        });
      this.#keepAlive(session, reader, consumer);
    });
  }

  #pump(stream: SimulatedStream): void {
    for (const session of this.#sessions)
      for (const [id, consumer] of session.consumers) if (consumer.stream === stream) this.#feed(session, id, consumer);
  }

  #feed(session: Session, reader: number, consumer: Consumer): void {
    if (!consumer.isPulled) return;
    for (;;) {
      const together: Delivery[] = [];
      for (let next = consumer.cursor.next(); next; next = consumer.cursor.next())
        if (together.push(next) === MAX_TOGETHER) break;
      if (together.length === 0) return;
      consumer.sentAtMs = this.time.now;
      session.tell((listener) => {
        listener.deliveries(reader, together);
      });
    }
  }

  #close(session: Session): void {
    session.isOpenAtServer = false;
    session.subscriptions.clear();
    session.consumers.clear();
    this.#sessions.delete(session);
    if (this.#inboxes.get(session.client) === session) this.#inboxes.delete(session.client);
  }
}
