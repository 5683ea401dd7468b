import {
  CloseCode,
  filterCost,
  formatCursor,
  MessageType,
  type ClientMessage,
  type CompleteReason,
  type Encoding,
  type Inspection,
  type Inspections,
  type Kind,
  type Refusal,
  type ResyncReason,
  type Revision,
  type ServerMessage,
  type SubscribeOptions,
  type SubscriptionId,
  type UnixMillis,
  type Welcome,
} from '../../protocol/index.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { Limits } from '../options.js';
import { fingerprintOf, type Supervision } from '../supervisor.js';
import type { Connection, SendResult, Socket } from '../transport/transport.js';
import type { CatchUp } from './catch-up.js';
import { encodeMessage, frameOf } from './frames.js';
import type { Hub } from './hub.js';
import { readIncoming, refusal } from './incoming.js';
import { servedOf, type Served } from './served.js';
import { anew, startOf } from './start.js';
import { Subscription } from './subscription.js';

/** What a session asks of the rest of the server. */
export interface SessionServices {
  readonly hub: Hub;
  readonly catchUp: CatchUp;
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

/** Answering takes longer than any other message: so many in a second are enough for whoever looks. */
const MAX_INSPECTIONS_PER_SECOND = 50;
/** Ended subscriptions that are remembered, so that it can be said why an event was not delivered any more. */
const REMEMBERED = 16;
/** One connection: its messages, its subscriptions, and whether its socket still takes what it is sent. */
export class Session implements Connection {
  readonly #subscriptions = new Map<SubscriptionId, Subscription>();
  #flow: 'open' | 'congested' | 'closed' = 'open';
  /** Something waited for the socket when it was last sent to. */
  #hasQueued = false;
  /** Congested though nothing waits: seen at the last heartbeat, or put right since. */
  #stall: 'none' | 'suspected' | 'ended' = 'none';
  #badMessages = 0;
  /** The second in which messages are being counted. */
  #windowStart = 0;
  #windowMessages = 0;
  #windowInspections = 0;
  #windowControls = 0;
  readonly openedAt: UnixMillis;
  /** What the client calls itself. */
  name: string | undefined;
  /** How the last subscriptions to end stood; made when the first ends. */
  #ended: Map<SubscriptionId, Served> | undefined;

  constructor(
    /** Counts from 1 in the life of the server. */
    readonly id: number,
    readonly socket: Socket,
    readonly encoding: Encoding,
    private readonly services: SessionServices,
  ) {
    this.openedAt = services.clock.now();
    this.#tell([MessageType.welcome, { ...services.welcome(), connection: id }]);
  }

  isClosed(): boolean {
    return this.#flow === 'closed';
  }

  isCongested(): boolean {
    return this.#flow !== 'open';
  }

  /** How a subscription stands, or stood when it ended; `undefined` where there was none lately. */
  served(sub: SubscriptionId): Served | undefined {
    const subscription = this.#subscriptions.get(sub);
    if (!subscription) return this.#ended?.get(sub);
    const served = servedOf(subscription, this.services.hub.revision);
    return this.#flow === 'congested' ? { ...served, queuedBytes: this.socket.queuedBytes } : served;
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscriptions.values();
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  // ── what the transport tells ──────────────────────────────────────────────────────────────────────────────────────

  message(payload: Uint8Array, isBinary: boolean): void {
    try {
      if (!this.#withinRate() || !this.#withinSize(payload)) return;
      const message = readIncoming(payload, isBinary, this.encoding, this.services.limits);
      if (message.type === 'refused') this.#refuse(message);
      else this.#handle(message);
    } catch (error) {
      this.#failed(error, payload);
    }
  }

  /** Counts pings and pongs by the second; a connection that sends too many is closed. */
  control(): void {
    if (this.#flow === 'closed') return;
    const { clock, limits } = this.services;
    this.#beginWindow(clock.elapsed());
    if (++this.#windowControls <= limits.maxControlFramesPerSecond) return;
    const most = `${String(limits.maxControlFramesPerSecond)} pings and pongs a second (max_control_frames_per_second)`;
    this.end(CloseCode.tooMany, `more than ${most}`);
  }

  /** A fault of ours over this connection, which is its end: what it was told and what not is no longer certain. */
  fail(where: string, error: unknown): void {
    const { supervision } = this.services;
    supervision.report(where, error, { connection: this.id });
    if (this.#flow === 'closed') return;
    const isEnded = supervision.contain('ending a connection', () => {
      this.end(CloseCode.internal, 'the server failed on this connection; its log says how');
    });
    // A socket that cannot even be closed is let go of.
    if (!isEnded) supervision.contain('letting a connection go', () => this.closed());
  }

  /** Closes the connection; what was on its way from the client is no longer heard. */
  end(code: CloseCode, reason: string): void {
    this.socket.close(code, reason);
    this.#flow = 'closed';
  }

  drained(): void {
    try {
      if (this.#flow !== 'congested' || this.socket.queuedBytes > this.services.limits.maxQueuedBytes / 2) return;
      this.#flow = 'open';
      this.services.catchUp.add(this);
    } catch (error) {
      this.fail('a drained socket', error);
    }
  }

  closed(): void {
    const { supervision, catchUp } = this.services;
    this.services.closed(this);
    this.#flow = 'closed';
    for (const subscription of this.#subscriptions.values()) {
      supervision.contain('ending a subscription', () => {
        this.#end(subscription, 'disconnected');
      });
    }
    this.#subscriptions.clear();
    catchUp.delete(this);
  }

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Passes a frame to the socket and looks at what became of it. */
  send(frame: Uint8Array): SendResult {
    if (this.#flow === 'closed') return 'dropped';
    const result = this.socket.send(frame);
    if (result === 'queued') this.#hasQueued = true;
    const isFull = result === 'queued' && this.socket.queuedBytes > this.services.limits.maxQueuedBytes;
    if (isFull || result === 'dropped') this.#flow = 'congested';
    // The engine had room again before it said so, and may not say it now that nothing waits.
    else if (result === 'sent' && this.#flow === 'congested') this.drained();
    if (this.#stall === 'ended') this.#countStall(result);
    return result;
  }

  /**
   * Sends what history can repeat, unless more would wait for the socket than may: then it is `dropped`, and the session is
   * congested.
   */
  offer(frame: Uint8Array): SendResult {
    return this.hasRoomFor(frame.length) ? this.send(frame) : 'dropped';
  }

  /** Whether so many bytes more may wait; an empty queue takes anything. Where not, the session is congested from now on. */
  hasRoomFor(bytes: number): boolean {
    if (this.#flow !== 'open') return false;
    // The engine is not asked about a socket that has always taken everything.
    if (!this.#hasQueued) return true;
    const { queuedBytes } = this.socket;
    if (queuedBytes === 0) this.#hasQueued = false;
    else if (queuedBytes + bytes > this.services.limits.maxQueuedBytes) this.#flow = 'congested';
    return this.#flow === 'open';
  }

  /** Sends what nothing repeats: where it cannot be sent the client must connect anew. */
  sendOrClose(frame: Uint8Array): void {
    if (this.send(frame) !== 'dropped' || this.#flow === 'closed') return;
    this.socket.close(CloseCode.tooSlow, 'the connection takes no more');
  }

  /** Takes a live subscription off the hot path; `index` is the group's number of the event after `after`. */
  lag(subscription: Subscription, after: Revision, index: number): void {
    subscription.group.leave(subscription);
    subscription.delivery = { at: 'lagging', after, index };
  }

  lagAll(after: Revision): void {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.delivery.at === 'live') this.lag(subscription, after, subscription.group.index);
    }
  }

  /** Sends a live subscription the last events its cap allows, until revision `last`, in a frame of its own, and ends it. */
  finishCapped(subscription: Subscription, events: readonly Uint8Array[], index: number, last: Revision): void {
    const { group } = subscription;
    group.leave(subscription);
    this.send(frameOf({ type: MessageType.events, to: group.id, first: index }, events, this.encoding));
    subscription.delivery = { at: 'lagging', after: last, index: index + events.length };
    this.complete(subscription, 'max_events');
  }

  /** The last word on a subscription. */
  complete(subscription: Subscription, reason: CompleteReason): void {
    this.#tell([MessageType.complete, subscription.id, reason, subscription.delivered]);
    this.#remember(subscription, reason);
    this.#end(subscription, reason);
    this.#subscriptions.delete(subscription.id);
  }

  /** Begins a subscription anew with a snapshot, because what it has missed is gone. */
  resync(subscription: Subscription, reason: ResyncReason): void {
    this.services.hub.resyncs[reason]++;
    this.#tell([MessageType.resync, subscription.id, reason]);
    subscription.restart(anew(this.services.hub, subscription.group, subscription.wantsSnapshot), reason);
  }

  synced(subscription: Subscription, at: Revision, index: number): void {
    this.#tell([MessageType.synced, subscription.id, at, index]);
  }

  heartbeat(frame: Uint8Array): void {
    if (this.#flow === 'congested') this.#lookForStall();
    if (this.#flow !== 'open') return;
    for (const { delivery } of this.#subscriptions.values()) if (delivery.at !== 'live') return;
    try {
      this.send(frame);
    } catch (error) {
      this.fail('a heartbeat', error);
    }
  }

  /** Tells every subscription that the server goes away; the socket is closed by the transport. */
  shutdown(): void {
    for (const subscription of [...this.#subscriptions.values()]) this.complete(subscription, 'shutdown');
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
    const { limits, hub, catchUp } = this.services;
    if (this.#subscriptions.has(id)) {
      this.#refuse(refusal('duplicate-subscription', `subscription ${String(id)} is in use on this connection`, id));
      return;
    }
    if (this.#subscriptions.size >= limits.maxSubscriptions) {
      const most = `at most ${String(limits.maxSubscriptions)} subscriptions (max_subscriptions) on a connection`;
      this.#refuse(refusal('limit', most, id));
      return;
    }
    const cost = filterCost(options.filter);
    if (cost > 0 && this.#filterCost() + cost > limits.maxConnectionFilterCost) {
      const most = `at most ${String(limits.maxConnectionFilterCost)} steps (max_connection_filter_cost)`;
      const text = `the globs of this filter take ${String(cost)} steps, beside those of the connection's other filters; ${most}`;
      this.#refuse(refusal('limit', text, id));
      return;
    }
    const taken = new Set([...this.#subscriptions.values()].map((subscription) => subscription.group));
    const group = hub.fanOut.acquire(options.filter, this.encoding, (candidate) => taken.has(candidate));
    const { delivery, mode, cursor, why } = startOf(hub, group, options);
    const subscription = new Subscription(
      id,
      this,
      group,
      options.maxEvents ?? Infinity,
      options.snapshot === 'full',
      delivery,
      why,
    );
    this.#subscriptions.set(id, subscription);
    this.#tell([
      MessageType.subscribed,
      id,
      group.id,
      mode,
      formatCursor(cursor),
      ...(why === undefined ? ([] as const) : ([why] as const)),
    ]);
    catchUp.begin(this);
  }

  #filterCost(): number {
    let sum = 0;
    for (const { group } of this.#subscriptions.values()) sum += group.matcher.cost;
    return sum;
  }

  #unsubscribe(id: SubscriptionId): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription) this.complete(subscription, 'unsubscribed');
    else this.#refuse(refusal('unknown-subscription', `there is no subscription ${String(id)} on this connection`, id));
  }

  async #sync(nonce: number, record: { readonly kind: Kind; readonly id: string } | undefined): Promise<void> {
    const { hub, readNow } = this.services;
    await readNow(record);
    this.#tell([MessageType.syncDone, nonce, formatCursor({ epoch: hub.epoch, revision: hub.revision })]);
  }

  #inspect(nonce: number, inspection: Inspection): void {
    if (++this.#windowInspections > MAX_INSPECTIONS_PER_SECOND) {
      const most = `at most ${String(MAX_INSPECTIONS_PER_SECOND)} inspections a second`;
      this.#tell([MessageType.error, null, 'limit', most, nonce]);
      return;
    }
    this.#tell([MessageType.inspection, nonce, this.services.inspect(inspection, this)]);
  }

  /**
   * Nobody wakes a session whose socket has taken everything without a word. No engine of ours does that; should one, the
   * session goes on at the second heartbeat that finds it so, and it is counted.
   */
  #lookForStall(): void {
    if (this.socket.queuedBytes > 0) {
      this.#stall = 'none';
    } else if (this.#stall !== 'suspected') {
      this.#stall = 'suspected';
    } else {
      this.#stall = 'ended';
      this.drained();
    }
  }

  /** Which connection a line of the log is about. */
  get #who(): object {
    return { connection: this.id, ...(this.name === undefined ? {} : { name: this.name }) };
  }

  /** A socket that takes what comes next had been waited for in vain; one that drops it is being closed. */
  #countStall(result: SendResult): void {
    this.#stall = 'none';
    if (result === 'dropped') return;
    this.services.hub.stalls++;
    this.services.log.error(this.#who, 'a connection waited for a socket that had nothing left to take');
  }

  #remember(subscription: Subscription, reason: CompleteReason): void {
    this.#ended ??= new Map();
    const served = servedOf(subscription, this.services.hub.revision);
    this.#ended.delete(subscription.id);
    this.#ended.set(subscription.id, { ...served, ended: reason });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > REMEMBERED) this.#ended.delete(oldest!);
  }

  #end(subscription: Subscription, reason: CompleteReason | 'disconnected'): void {
    // A last word that cannot be sent closes the socket, which ends everything before it returns.
    if (subscription.delivery.at === 'ended') return;
    if (subscription.delivery.at === 'live') subscription.group.leave(subscription);
    subscription.delivery = { at: 'ended', reason };
    this.services.hub.fanOut.release(subscription.group);
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
    if (this.#flow === 'closed') return false;
    const { clock, limits } = this.services;
    this.#beginWindow(clock.elapsed());
    if (++this.#windowMessages <= limits.maxMessagesPerSecond) return true;
    const most = `${String(limits.maxMessagesPerSecond)} messages a second (max_messages_per_second)`;
    this.end(CloseCode.tooMany, `more than ${most}`);
    return false;
  }

  #beginWindow(now: number): void {
    if (now - this.#windowStart < 1_000) return;
    this.#windowStart = now;
    this.#windowMessages = 0;
    this.#windowInspections = 0;
    this.#windowControls = 0;
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
    this.sendOrClose(encodeMessage(message, this.encoding));
  }
}
