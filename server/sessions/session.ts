import {
  CloseCode,
  formatCursor,
  MessageType,
  type ClientMessage,
  type Encoding,
  type Inspection,
  type Inspections,
  type RecordName,
  type Refusal,
  type ResyncReason,
  type ServerMessage,
  type SubscribeOptions,
  type SubscriptionId,
  type UnixMillis,
  type Welcome,
} from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { StoppedError } from '../runtime/stopped-error.js';
import type { CatchUp } from '../delivery/catch-up.js';
import { encodeMessage } from '../delivery/frames.js';
import type { Hub } from '../delivery/hub.js';
import type { Port, Socket } from '../delivery/port.js';
import { Subscriber, type SubscriberOwner } from '../delivery/subscriber.js';
import type { Log } from '../runtime/log.js';
import type { Limits } from '../config/options.js';
import { fingerprintOf, type Supervision } from '../runtime/supervisor.js';
import type { Connection } from './connection.js';
import { Barriers, MAX_WAITING } from './barriers.js';
import { stateAfterWelcome, type Heartbeat } from './heartbeat.js';
import type { Turn } from '../runtime/turn-loop.js';
import { decodeClientMessage } from './client-message-decoder.js';
import { MessageRates } from './message-rates.js';
import { refusal, subscriptionRefusal } from './refusals.js';

/** The parts of the server that a session uses. */
export interface SessionServices {
  readonly hub: Hub;
  readonly catchUp: CatchUp;
  /** The turn of the loop in which a message is handled. */
  turn(): Turn;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly supervision: Supervision;
  welcome(): Welcome;
  /** Called when the connection has closed. */
  closed(session: Session): void;
  /** Returns a heartbeat of this moment. */
  heartbeat(): Heartbeat;
  /** Reads a record, or everything, now. When it resolves, the hub's revision includes everything that was on disk at the call. */
  readNow(record: RecordName | undefined): Promise<void>;
  /** Answers a question about the server. `asker` is the session that asks. */
  inspect(inspection: Inspection, asker: Session): Inspections[keyof Inspections]['answer'];
}

/** What is known of a message on which the server failed. */
interface FailedMessage {
  readonly input?: ReturnType<typeof fingerprintOf>;
  readonly sub?: SubscriptionId | undefined;
  readonly nonce?: number;
}

/** One connection: handles its messages, limits their rate, and sends everything except its subscriptions' events. */
export class Session implements Connection, SubscriberOwner {
  /** The subscriptions, and the port to the client. */
  readonly subscriber: Subscriber;
  readonly #barriers: Barriers;
  #badMessages = 0;
  readonly #rates: MessageRates;
  readonly openedAt: UnixMillis;
  /** The name that the client has given itself. */
  name: string | undefined;

  constructor(
    /** Counts connections from 1 since the start of the server. */
    readonly id: number,
    socket: Socket,
    readonly encoding: Encoding,
    private readonly services: SessionServices,
  ) {
    this.openedAt = services.clock.now();
    this.#rates = new MessageRates(services.limits);
    this.subscriber = new Subscriber(socket, encoding, services.hub, services.limits.maxQueuedBytes, this);
    const received = stateAfterWelcome(this.openedAt, services.clock.elapsed());
    this.#barriers = new Barriers(received);
    this.#send([MessageType.welcome, { ...services.welcome(), connection: id }]);
    // A client that knows nothing of the files yet takes them for seen: a mirror would call an address free that nobody could look at.
    const heartbeat = services.heartbeat();
    if (heartbeat.corrects(received)) this.heartbeat(heartbeat);
  }

  get port(): Port {
    return this.subscriber.port;
  }

  isClosed(): boolean {
    return this.port.state === 'closed';
  }

  // ── events of the transport ───────────────────────────────────────────────────────────────────────────────────────

  message(payload: Uint8Array, isBinary: boolean): void {
    let message: ReturnType<typeof decodeClientMessage> | undefined;
    try {
      if (this.isClosed() || this.#endBeyond(this.#rates.message(this.services.clock.elapsed()))) return;
      if (!this.#withinSize(payload)) return;
      message = decodeClientMessage(payload, isBinary, this.encoding, this.services.limits);
      if (message.type === 'refused') this.#refuse(message);
      else this.#handle(message);
    } catch (error) {
      const begun = message?.type === 'subscribe' ? message.sub : undefined;
      // It may have begun only in part. Its client is told that it has failed, and so must not get events of it.
      if (begun !== undefined) this.subscriber.get(begun)?.end('disconnected');
      this.#failed(error, { input: fingerprintOf(payload), sub: begun });
    }
  }

  /** Counts pings and pongs per second, and closes a connection that sends too many. */
  control(): void {
    if (this.isClosed()) return;
    this.#endBeyond(this.#rates.control(this.services.clock.elapsed()));
  }

  /** Reports a fault of the server and closes the connection, because it is no longer certain which messages the client has received. */
  fail(where: string, error: unknown): void {
    const { supervision } = this.services;
    supervision.report(where, error, { connection: this.id });
    if (this.isClosed()) return;
    const isEnded = supervision.contain('ending a connection', () => {
      this.end(CloseCode.internal, 'the server failed on this connection; its log says how');
    });
    // If the socket cannot even be closed, the session is removed without it.
    if (!isEnded) supervision.contain('letting a connection go', () => this.closed());
  }

  /** Closes the connection. Later messages of the client are ignored. */
  end(code: CloseCode, reason: string): void {
    this.port.close(code, reason);
  }

  drained(): void {
    try {
      this.port.drained();
    } catch (error) {
      this.fail('a drained socket', error);
    }
  }

  closed(): void {
    const { supervision, catchUp } = this.services;
    this.services.closed(this);
    this.port.closed();
    for (const subscription of [...this.subscriber.subscriptions]) {
      supervision.contain('ending a subscription', () => {
        subscription.end('disconnected');
      });
    }
    catchUp.delete(this.subscriber);
  }

  // ── events of the port ────────────────────────────────────────────────────────────────────────────────────────────

  opened(): void {
    this.services.catchUp.add(this.subscriber);
  }

  stalled(): void {
    this.services.hub.stalls++;
    this.services.log.error(this.#who, 'a connection waited for its socket although the queue was empty');
  }

  // ── events of the server ──────────────────────────────────────────────────────────────────────────────────────────

  /** Sends the server's heartbeat, unless events are still to be sent: a heartbeat states that every event up to its revision was sent. */
  heartbeat(heartbeat: Heartbeat): void {
    this.port.lookForStall();
    if (this.port.state !== 'open' || this.subscriber.isBehind) return;
    try {
      this.port.send(heartbeat.frame(this.encoding));
      for (const nonce of this.#barriers.sent(heartbeat)) this.#sendSynced(nonce);
    } catch (error) {
      this.fail('a heartbeat', error);
    }
  }

  /** Ends every subscription with `shutdown`, after a `resync` if what was sent is stale. The transport closes the socket. */
  shutdown(stale?: ResyncReason): void {
    for (const subscription of [...this.subscriber.subscriptions]) {
      if (stale !== undefined) this.#send([MessageType.resync, subscription.id, stale]);
      subscription.complete('shutdown');
    }
  }

  // ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message.sub, message.options);
        return;
      case 'unsubscribe':
        this.#unsubscribe(message.sub);
        return;
      case 'sync':
        this.#sync(message.nonce, message.record).catch((error: unknown) => {
          // The connection ends with the server: the client asks the next one.
          if (!(error instanceof StoppedError)) this.#failed(error, { nonce: message.nonce });
        });
        return;
      case 'ping':
        this.#send([MessageType.pong, message.nonce, this.services.clock.now()]);
        return;
      case 'inspect':
        this.#inspect(message.nonce, message.inspection);
        return;
      case 'name':
        this.name = message.name;
        return;
    }
  }

  #subscribe(id: SubscriptionId, options: SubscribeOptions): void {
    const { subscriber } = this;
    const refused = subscriptionRefusal(subscriber, id, options, this.services.limits);
    if (refused !== undefined) {
      this.#refuse(refused);
      return;
    }
    const { group, mode, cursor, resync } = subscriber.add(id, options);
    const why = resync === undefined ? ([] as const) : ([resync] as const);
    this.#send([MessageType.subscribed, id, group, mode, formatCursor(cursor), ...why]);
    this.services.catchUp.begin(subscriber, this.services.turn());
  }

  #unsubscribe(id: SubscriptionId): void {
    const subscription = this.subscriber.get(id);
    if (subscription) subscription.complete('unsubscribed');
    else this.#refuse(refusal('unknown-subscription', `there is no subscription ${String(id)} on this connection`, id));
  }

  async #sync(nonce: number, record: RecordName | undefined): Promise<void> {
    await this.services.readNow(record);
    const heartbeat = this.services.heartbeat();
    const answer = this.#barriers.reached(nonce, heartbeat);
    if (answer === 'now') this.#sendSynced(nonce);
    else if (answer === 'after-heartbeat') this.heartbeat(heartbeat);
    else this.end(CloseCode.tooSlow, `more than ${String(MAX_WAITING)} barriers wait until earlier messages are sent`);
  }

  #sendSynced(nonce: number): void {
    const { hub } = this.services;
    this.#send([MessageType.syncDone, nonce, formatCursor({ epoch: hub.epoch, revision: hub.revision })]);
  }

  #inspect(nonce: number, inspection: Inspection): void {
    const most = this.#rates.inspection();
    if (most !== undefined) {
      this.#send([MessageType.error, null, 'limit', `at most ${most}`, nonce]);
      return;
    }
    this.#send([MessageType.inspection, nonce, this.services.inspect(inspection, this)]);
  }

  /** The fields that identify this connection in the log. */
  get #who(): object {
    return { connection: this.id, ...(this.name === undefined ? {} : { name: this.name }) };
  }

  #refuse({ sub, nonce, code, message }: Refusal): void {
    this.#badMessages++;
    if (this.#badMessages >= this.services.limits.maxBadMessages) {
      this.end(CloseCode.tooMany, `${String(this.#badMessages)} bad messages (max_bad_messages)`);
      return;
    }
    this.#send([MessageType.error, sub, code, message, ...(nonce === undefined ? ([] as const) : ([nonce] as const))]);
  }

  /** Closes a connection that has sent more than a limit allows. @returns whether it has. */
  #endBeyond(most: string | undefined): boolean {
    if (most !== undefined) this.end(CloseCode.tooMany, `more than ${most}`);
    return most !== undefined;
  }

  #withinSize({ length }: Uint8Array): boolean {
    const { maxPayloadBytes } = this.services.limits;
    if (length <= maxPayloadBytes) return true;
    this.end(CloseCode.tooLarge, `more than ${String(maxPayloadBytes)} bytes (max_payload_bytes)`);
    return false;
  }

  /** Reports a fault of the server over one message, and answers with `internal`. Other connections are not affected. */
  #failed(error: unknown, { input, sub, nonce }: FailedMessage): void {
    const { supervision } = this.services;
    supervision.report('a message failed', error, { connection: this.id, ...this.#who, ...input });
    const answered = nonce === undefined ? ([] as const) : ([nonce] as const);
    const text = 'the server failed on this message; its log says how';
    try {
      this.#send([MessageType.error, sub ?? null, 'internal', text, ...answered]);
    } catch (failure) {
      this.fail('an answer', failure);
    }
  }

  #send(message: ServerMessage): void {
    this.port.sendOrClose(encodeMessage(message, this.encoding));
  }
}
