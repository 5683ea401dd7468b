import {
  CloseCode,
  formatCursor,
  MessageType,
  type ClientMessage,
  type Encoding,
  type Inspection,
  type Inspections,
  type Kind,
  type Refusal,
  type ServerMessage,
  type SubscribeOptions,
  type SubscriptionId,
  type UnixMillis,
  type Welcome,
} from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { CatchUp } from '../delivery/catch-up.js';
import { encodeMessage } from '../delivery/frames.js';
import type { Hub } from '../delivery/hub.js';
import type { Port, Socket } from '../delivery/port.js';
import { Subscriber, type SubscriberOwner } from '../delivery/subscriber.js';
import type { Log } from '../runtime/log.js';
import type { Limits } from '../config/options.js';
import { fingerprintOf, type Supervision } from '../runtime/supervisor.js';
import type { Connection } from './connection.js';
import type { Turn } from '../runtime/turn-loop.js';
import { decodeClientMessage } from './client-message-decoder.js';
import { MessageRates } from './message-rates.js';
import { refusal, subscriptionRefusal } from './refusals.js';

/** What a session asks of the rest of the server. */
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
  /** The connection is over. */
  closed(session: Session): void;
  /** Reads a record, or everything, now; afterwards the hub's revision includes what was on disk. */
  readNow(record: { readonly kind: Kind; readonly id: string } | undefined): Promise<void>;
  /** Answers a question about the server; `asker` is the connection that asks. */
  inspect(inspection: Inspection, asker: Session): Inspections[keyof Inspections]['answer'];
}

/** One connection: its messages, how many it may send, and what it is told beside its subscriptions' events. */
export class Session implements Connection, SubscriberOwner {
  /** Its subscriptions, and the port to its client. */
  readonly subscriber: Subscriber;
  #badMessages = 0;
  readonly #rates: MessageRates;
  readonly openedAt: UnixMillis;
  /** What the client calls itself. */
  name: string | undefined;

  constructor(
    /** Counts from 1 in the life of the server. */
    readonly id: number,
    socket: Socket,
    readonly encoding: Encoding,
    private readonly services: SessionServices,
  ) {
    this.openedAt = services.clock.now();
    this.#rates = new MessageRates(services.limits);
    this.subscriber = new Subscriber(socket, encoding, services.hub, services.limits.maxQueuedBytes, this);
    this.#tell([MessageType.welcome, { ...services.welcome(), connection: id }]);
  }

  get port(): Port {
    return this.subscriber.port;
  }

  isClosed(): boolean {
    return this.port.state === 'closed';
  }

  // ── what the transport tells ──────────────────────────────────────────────────────────────────────────────────────

  message(payload: Uint8Array, isBinary: boolean): void {
    try {
      if (!this.#withinRate() || !this.#withinSize(payload)) return;
      const message = decodeClientMessage(payload, isBinary, this.encoding, this.services.limits);
      if (message.type === 'refused') this.#refuse(message);
      else this.#handle(message);
    } catch (error) {
      this.#failed(error, payload);
    }
  }

  /** Counts pings and pongs by the second; a connection that sends too many is closed. */
  control(): void {
    if (this.isClosed()) return;
    const most = this.#rates.control(this.services.clock.elapsed());
    if (most !== undefined) this.end(CloseCode.tooMany, `more than ${most}`);
  }

  /** A fault of ours over this connection, which is its end: what it was told and what not is no longer certain. */
  fail(where: string, error: unknown): void {
    const { supervision } = this.services;
    supervision.report(where, error, { connection: this.id });
    if (this.isClosed()) return;
    const isEnded = supervision.contain('ending a connection', () => {
      this.end(CloseCode.internal, 'the server failed on this connection; its log says how');
    });
    // A socket that cannot even be closed is let go of.
    if (!isEnded) supervision.contain('letting a connection go', () => this.closed());
  }

  /** Closes the connection; what was on its way from the client is no longer heard. */
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

  // ── what its port tells ───────────────────────────────────────────────────────────────────────────────────────────

  opened(): void {
    this.services.catchUp.add(this.subscriber);
  }

  stalled(): void {
    this.services.hub.stalls++;
    this.services.log.error(this.#who, 'a connection waited for a socket that had nothing left to take');
  }

  // ── what the server tells ─────────────────────────────────────────────────────────────────────────────────────────

  /** Passes on the server's sign of life, unless something is still to be sent: a heartbeat says that nothing is. */
  heartbeat(frame: Uint8Array): void {
    this.port.lookForStall();
    if (this.port.state !== 'open' || this.subscriber.isBehind) return;
    try {
      this.port.send(frame);
    } catch (error) {
      this.fail('a heartbeat', error);
    }
  }

  /** Tells every subscription that the server goes away; the socket is closed by the transport. */
  shutdown(): void {
    for (const subscription of [...this.subscriber.subscriptions]) subscription.complete('shutdown');
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
          this.#failed(error, undefined, message.nonce);
        });
        return;
      case 'ping':
        this.#tell([MessageType.pong, message.nonce, this.services.clock.now()]);
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
    this.#tell([MessageType.subscribed, id, group, mode, formatCursor(cursor), ...why]);
    this.services.catchUp.begin(subscriber, this.services.turn());
  }

  #unsubscribe(id: SubscriptionId): void {
    const subscription = this.subscriber.get(id);
    if (subscription) subscription.complete('unsubscribed');
    else this.#refuse(refusal('unknown-subscription', `there is no subscription ${String(id)} on this connection`, id));
  }

  async #sync(nonce: number, record: { readonly kind: Kind; readonly id: string } | undefined): Promise<void> {
    const { hub, readNow } = this.services;
    await readNow(record);
    this.#tell([MessageType.syncDone, nonce, formatCursor({ epoch: hub.epoch, revision: hub.revision })]);
  }

  #inspect(nonce: number, inspection: Inspection): void {
    const most = this.#rates.inspection();
    if (most !== undefined) {
      this.#tell([MessageType.error, null, 'limit', `at most ${most}`, nonce]);
      return;
    }
    this.#tell([MessageType.inspection, nonce, this.services.inspect(inspection, this)]);
  }

  /** Which connection a line of the log is about. */
  get #who(): object {
    return { connection: this.id, ...(this.name === undefined ? {} : { name: this.name }) };
  }

  #refuse({ sub, nonce, code, message }: Refusal): void {
    this.#badMessages++;
    if (this.#badMessages >= this.services.limits.maxBadMessages) {
      this.end(CloseCode.tooMany, `${String(this.#badMessages)} bad messages (max_bad_messages)`);
      return;
    }
    this.#tell([MessageType.error, sub, code, message, ...(nonce === undefined ? ([] as const) : ([nonce] as const))]);
  }

  /** Counts messages by the second; a connection that sends too many is closed. */
  #withinRate(): boolean {
    if (this.isClosed()) return false;
    const most = this.#rates.message(this.services.clock.elapsed());
    if (most !== undefined) this.end(CloseCode.tooMany, `more than ${most}`);
    return most === undefined;
  }

  #withinSize({ length }: Uint8Array): boolean {
    const { maxPayloadBytes } = this.services.limits;
    if (length <= maxPayloadBytes) return true;
    this.end(CloseCode.tooLarge, `more than ${String(maxPayloadBytes)} bytes (max_payload_bytes)`);
    return false;
  }

  /** A fault of ours: one client is told so, nobody else is touched. */
  #failed(error: unknown, payload?: Uint8Array, nonce?: number): void {
    const { supervision } = this.services;
    const input = payload === undefined ? {} : fingerprintOf(payload);
    supervision.report('a message failed', error, { connection: this.id, ...this.#who, ...input });
    const text = 'the server failed on this message; its log says how';
    try {
      this.#tell([
        MessageType.error,
        null,
        'internal',
        text,
        ...(nonce === undefined ? ([] as const) : ([nonce] as const)),
      ]);
    } catch (failure) {
      this.fail('an answer', failure);
    }
  }

  #tell(message: ServerMessage): void {
    this.port.sendOrClose(encodeMessage(message, this.encoding));
  }
}
