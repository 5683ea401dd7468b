import {
  type CloseCode,
  isServerMessage,
  MessageType,
  parseCursor,
  RECONNECT_AFTER,
  revision,
  type Cursor,
  type EventOrigin,
  type Kind,
  type ServerMessage,
  type WatchHealth,
  type Welcome,
} from '../../protocol/index.js';
import { backoffMs, type BackoffOptions } from './backoff.js';
import { BusError } from './bus-error.js';
import { within, type AskOptions } from './ask-options.js';
import type { Channel, Dial } from './channel.js';
import { elapsedOf, type ClientClock } from './clock.js';
import { closeError, suggestedDelayMs } from './close-error.js';
import type { Faults } from './faults.js';
import { PendingRequests } from './pending-requests.js';
import type { BusStatus } from './status.js';
import type { Subscriber } from './subscriber.js';

export interface ConnectionOptions {
  readonly clock: ClientClock;
  /** In [0, 1). @default Math.random */
  readonly random: () => number;
  readonly backoff: BackoffOptions;
  /** Give up after so many attempts in a row. @default Infinity */
  readonly maxAttempts: number;
  /** Whether the first attempt too is repeated. */
  readonly waitOnFirstConnect: boolean;
  /** What the server calls this connection, where it understands that. */
  readonly name: string | undefined;
  readonly faults: Faults;
}

/** A heartbeat that is this many intervals late means that the connection is dead. */
const HEARTBEATS_MISSED = 2.5;
/** After a close that asks for patience, the wait is at least this long. */
const LATER_MS = 5_000;

/** How long a server may take from the dial to its welcome. */
const WELCOME_MS = 20_000;

/** One subscription on the wire. */
interface Route {
  readonly sub: number;
  readonly subscriber: Subscriber;
  group: number | undefined;
  /** Index of the group's next event; `undefined` before the synced mark. */
  next: number | undefined;
}

/**
 * A connection that lasts: dials, dials again when it breaks, subscribes again what was subscribed, and proves by the
 * groups' indices that nothing is missing.
 */
export class Connection {
  readonly #subscribers = new Set<Subscriber>();
  readonly #routes = new Map<number, Route>();
  readonly #groups = new Map<number, Route>();
  readonly #pending = new PendingRequests();
  readonly #watchers = new Set<(status: BusStatus) => void>();
  /** The server's wall clock less each of those here; `undefined` until it is heard. */
  #serverAhead: { readonly wallMs: number; readonly elapsedMs: number } | undefined;
  #status: BusStatus = { state: 'connecting', attempt: 1, delayMs: 0 };
  #channel: Channel | undefined;
  #welcome: Welcome | undefined;
  #origin: EventOrigin | undefined;
  #attempt = 0;
  #logged: BusStatus['state'] = 'connecting';
  #nextSub = 1;
  #pingedAt: number | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Why nothing can be asked any more. */
  #end: BusError | undefined;
  #first: { resolve(): void; reject(error: BusError): void } | undefined;

  constructor(
    private readonly dial: Dial,
    private readonly options: ConnectionOptions,
  ) {}

  /**
   * The server's wall clock, as last heard, and as much later as it is here since. By which of the clocks here is not known until
   * it is heard again: they differ where the wall clock is set, which is the server's where both are on one host. The earlier
   * counts, by which leases hold for longer.
   */
  serverNow(): number {
    const { clock } = this.options;
    const known = this.#serverAhead;
    if (!known) return clock.now();
    return Math.floor(Math.min(clock.now() + known.wallMs, elapsedOf(clock) + known.elapsedMs));
  }

  get clock(): ClientClock {
    return this.options.clock;
  }

  get faults(): Faults {
    return this.options.faults;
  }

  get status(): BusStatus {
    return this.#status;
  }

  /** What the server said of itself when it was last reached. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** Calls at every change of status. */
  watchStatus(watcher: (status: BusStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves with the first welcome. A first attempt that fails is the caller's to repeat. @throws BusError */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#dial();
    });
  }

  /** @param why where it is not for an error: kept as the cause of what is refused from now on. */
  close(error?: BusError, why?: unknown): void {
    if (this.#status.state === 'closed') return;
    this.#end = error ?? closed(why);
    this.#cancelTimer?.();
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
    this.#setStatus(error === undefined ? { state: 'closed' } : { state: 'closed', error });
    this.#first?.reject(this.#end);
    this.#first = undefined;
    this.#pending.failAll(this.#end);
    for (const subscriber of [...this.#subscribers]) subscriber.failed(this.#end);
    this.#subscribers.clear();
  }

  /** Subscribes now, or as soon as there is a connection. */
  add(subscriber: Subscriber): void {
    if (this.#end) {
      subscriber.failed(this.#end);
      return;
    }
    this.#subscribers.add(subscriber);
    if (this.#status.state === 'live') this.#subscribe(subscriber);
  }

  /** Ends a subscription; nothing more of it is passed on. */
  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    for (const route of this.#routes.values()) {
      if (route.subscriber !== subscriber) continue;
      this.#send([MessageType.unsubscribe, route.sub]);
      this.#forget(route);
    }
  }

  /** The barrier: resolves with a cursor that includes what was on disk when it was called. */
  sync(record?: { readonly kind: Kind; readonly id: string }, options: AskOptions = {}): Promise<Cursor> {
    const about = record ? [record.kind, record.id] : [];
    return this.#ask('sync', (nonce) => [MessageType.sync, nonce, ...about], options) as Promise<Cursor>;
  }

  /** Asks the server about itself. */
  inspect(topic: string, params: object, options: AskOptions = {}): Promise<unknown> {
    return this.#ask('inspect', (nonce) => [MessageType.inspect, nonce, topic, params], options);
  }

  #ask(what: string, write: (nonce: number) => readonly unknown[], options: AskOptions): Promise<unknown> {
    return within(options, this.clock, what, (signal) => {
      if (this.#end) return Promise.reject(this.#end);
      const { nonce, message, answer } = this.#pending.ask(write);
      signal.addEventListener('abort', () => this.#pending.forget(nonce), { once: true });
      if (this.#status.state === 'live') this.#send(message);
      return answer;
    });
  }

  // ── dialling ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #dial(): void {
    this.#attempt++;
    let channel: Channel | undefined;
    try {
      channel = this.dial({
        message: (message) => {
          if (this.#channel === channel) this.#receive(message);
        },
        closed: (code, reason, error) => {
          if (this.#channel === channel) this.#disconnected(code, reason, error);
        },
      });
    } catch (error) {
      this.#disconnected(1006, '', couldNotDial(error));
      return;
    }
    this.#channel = channel;
    this.#cancelTimer = this.options.clock.after(WELCOME_MS, () => {
      this.#abandon(`no welcome within ${String(WELCOME_MS)} ms`);
    });
  }

  #disconnected(code: number, reason: string, error?: BusError): void {
    this.#channel = undefined;
    this.#cancelTimer?.();
    this.#routes.clear();
    this.#groups.clear();
    for (const subscriber of this.#subscribers) subscriber.interrupted();
    const final = error ?? closeError(code, reason);
    const advice = RECONNECT_AFTER[code as CloseCode] as 'yes' | 'later' | 'no' | undefined;
    // Between a server's end and its successor's start there is no endpoint file, or one that nobody stands behind.
    const isBetween = error?.code === 'no-endpoint' || error?.code === 'untrusted-endpoint';
    const isFinal = error !== undefined && !final.retryable && !isBetween;
    const isHopeless = advice === 'no' || isFinal;
    const isFirst = this.#first !== undefined && !this.options.waitOnFirstConnect;
    if (isHopeless || isFirst || this.#attempt >= this.options.maxAttempts) {
      this.close(final);
      return;
    }
    this.#dialLater(advice, suggestedDelayMs(reason), reason === '' ? final.message : reason);
  }

  #dialLater(advice: 'yes' | 'later' | 'no' | undefined, suggestedMs: number, cause: string): void {
    const { clock, random, backoff } = this.options;
    const jitter = backoffMs(this.#attempt + 1, random(), backoff);
    const delayMs = suggestedMs + jitter + (advice === 'later' ? LATER_MS : 0);
    this.#setStatus({ state: 'connecting', attempt: this.#attempt + 1, delayMs, cause });
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#dial();
    });
  }

  /** Breaks the connection ourselves, to begin again from what we have. */
  #abandon(cause: string): void {
    this.#setStatus({ state: 'stale', since: this.options.clock.now(), cause });
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
    this.#disconnected(1006, cause);
  }

  #expectHeartbeat(): void {
    this.#cancelTimer?.();
    const patienceMs = (this.#welcome?.heartbeat_ms ?? 5_000) * HEARTBEATS_MISSED;
    this.#cancelTimer = this.options.clock.after(patienceMs, () => {
      this.#abandon(`nothing heard for ${String(patienceMs)} ms`);
    });
  }

  // ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #receive(message: unknown): void {
    if (!isServerMessage(message)) {
      this.#violated('the other side sent what is no message of a bus');
      return;
    }
    this.#expectHeartbeat();
    try {
      this.#take(message);
    } catch (error) {
      this.#violated('a message of the server could not be used', error);
    }
  }

  /** What the other side says cannot be trusted any more. */
  #violated(text: string, cause?: unknown): void {
    this.close(new BusError('protocol', text, 'is this the url of a bus? update the client or the server', { cause }));
  }

  #take(message: ServerMessage): void {
    switch (message[0]) {
      case MessageType.welcome:
        this.#welcomed(message[1]);
        return;
      case MessageType.heartbeat:
        this.#heard(message[1], message[2], message[3]);
        return;
      case MessageType.pong:
        this.#ponged();
        return;
      case MessageType.syncDone:
        this.#passed(message[1], message[2]);
        return;
      case MessageType.inspection:
        this.#pending.answer(message[1], message[2]);
        return;
      case MessageType.error:
        this.#refused(message[1], message[2], message[3], message[4]);
        return;
      case MessageType.events:
        this.#events(message);
        return;
      case MessageType.subscribed:
      case MessageType.batch:
      case MessageType.synced:
      case MessageType.complete:
      case MessageType.resync:
        this.#route(message);
        return;
    }
  }

  #welcomed(welcome: Welcome): void {
    const { clock } = this.options;
    this.#welcome = welcome;
    this.#origin = { schemaVersion: welcome.server, epoch: welcome.epoch as EventOrigin['epoch'] };
    this.#attempt = 0;
    this.#expectHeartbeat();
    const clockSkewMs = this.#hearTime(welcome.now);
    const { name } = this.options;
    if (name !== undefined && welcome.features?.includes('names')) this.#send([MessageType.name, name]);
    this.#pingedAt = elapsedOf(clock);
    this.#send([MessageType.ping, 0]);
    for (const subscriber of this.#subscribers) this.#subscribe(subscriber);
    for (const message of this.#pending.unanswered) this.#send(message);
    // After what was waiting has been sent: what a watcher asks for now is sent by itself, and once.
    this.#setStatus({ state: 'live', roundTripMs: 0, clockSkewMs });
    this.#first?.resolve();
    this.#first = undefined;
  }

  /** @returns by how much the server's wall clock is ahead of the one here. */
  #hearTime(serverNow: number): number {
    const { clock } = this.options;
    const wallMs = serverNow - clock.now();
    this.#serverAhead = { wallMs, elapsedMs: serverNow - elapsedOf(clock) };
    return wallMs;
  }

  #heard(upTo: number, serverNow: number, health: WatchHealth): void {
    const clockSkewMs = this.#hearTime(serverNow);
    if (this.#status.state === 'live') this.#setStatus({ ...this.#status, clockSkewMs, health });
    for (const { subscriber, next } of this.#routes.values()) {
      if (next !== undefined) subscriber.mark(revision(upTo), serverNow);
    }
  }

  #ponged(): void {
    if (this.#status.state !== 'live' || this.#pingedAt === undefined) return;
    this.#setStatus({ ...this.#status, roundTripMs: elapsedOf(this.options.clock) - this.#pingedAt });
    this.#pingedAt = undefined;
  }

  #passed(nonce: number, cursor: string): void {
    const parsed = parseCursor(cursor);
    if (parsed) this.#pending.answer(nonce, parsed);
    else this.#pending.fail(nonce, new BusError('protocol', `no cursor: ${cursor}`, 'update the client or the server'));
  }

  #refused(sub: number | null, code: BusError['code'], text: string, nonce: number | undefined): void {
    if (nonce !== undefined) this.#pending.fail(nonce, new BusError(code, text, 'change the question'));
    const route = sub === null ? undefined : this.#routes.get(sub);
    if (!route) return;
    this.#forget(route);
    this.#subscribers.delete(route.subscriber);
    route.subscriber.failed(new BusError(code, text, 'change the subscription'));
  }

  #events([, group, index, events]: Extract<ServerMessage, readonly [typeof MessageType.events, ...unknown[]]>): void {
    const route = this.#groups.get(group);
    if (!route) return;
    if (index !== route.next) {
      this.#abandon(`events ${String(route.next)} to ${String(index - 1)} are missing`);
      return;
    }
    route.next = index + events.length;
    route.subscriber.events(events, this.#origin!);
  }

  #route(
    message: Extract<
      ServerMessage,
      readonly [
        (
          | typeof MessageType.subscribed
          | typeof MessageType.batch
          | typeof MessageType.synced
          | typeof MessageType.complete
          | typeof MessageType.resync
        ),
        ...unknown[],
      ]
    >,
  ): void {
    const route = this.#routes.get(message[1]);
    if (!route) return;
    const { subscriber } = route;
    switch (message[0]) {
      case MessageType.subscribed:
        route.group = message[2];
        this.#groups.set(message[2], route);
        subscriber.began(message[3], message[5]);
        return;
      case MessageType.batch:
        subscriber.events(message[3], this.#origin!);
        return;
      case MessageType.synced:
        route.next = message[3];
        subscriber.synced(revision(message[2]), this.#origin!);
        return;
      case MessageType.resync:
        route.next = undefined;
        subscriber.resync(message[2]);
        return;
      case MessageType.complete:
        this.#completed(route, message[2], message[3]);
        return;
    }
  }

  #completed(route: Route, reason: 'max_events' | 'unsubscribed' | 'shutdown', delivered: number): void {
    this.#forget(route);
    // A server that goes away completes everything; what was not ours to end goes on with the next connection.
    if (reason === 'shutdown') return;
    this.#subscribers.delete(route.subscriber);
    route.subscriber.completed(reason, delivered);
  }

  #subscribe(subscriber: Subscriber): void {
    const sub = this.#nextSub++;
    this.#routes.set(sub, { sub, subscriber, group: undefined, next: undefined });
    this.#send([MessageType.subscribe, sub, subscriber.request()]);
  }

  #forget(route: Route): void {
    this.#routes.delete(route.sub);
    if (route.group !== undefined && this.#groups.get(route.group) === route) this.#groups.delete(route.group);
  }

  #send(message: readonly unknown[]): void {
    this.#channel?.send(message);
  }

  #setStatus(status: BusStatus): void {
    this.#status = status;
    this.#log(status);
    for (const watcher of this.#watchers) {
      this.faults.guard('a watcher of the status', () => {
        watcher(status);
      });
    }
  }

  #log(status: BusStatus): void {
    const { logger } = this.faults;
    const before = this.#logged;
    this.#logged = status.state;
    switch (status.state) {
      case 'live':
        // A heartbeat says nothing new.
        if (before !== 'live') logger.info({ epoch: this.#welcome?.epoch }, 'connected');
        return;
      case 'connecting':
        logger.warn({ attempt: status.attempt, delayMs: status.delayMs, cause: status.cause }, 'not connected');
        return;
      case 'stale':
        logger.warn({ cause: status.cause }, 'the connection is given up');
        return;
      case 'closed':
        if (status.error) logger.error({ err: status.error }, 'closed');
        else logger.info({}, 'closed');
    }
  }
}

const closed = (cause?: unknown): BusError =>
  new BusError('closed', 'the client was closed', 'connect again', cause === undefined ? {} : { cause });

function couldNotDial(error: unknown): BusError {
  if (error instanceof BusError) return error;
  const text = `no connection could be begun: ${error instanceof Error ? error.message : String(error)}`;
  return new BusError('bad-option', text, 'is the url right?', { cause: error });
}
