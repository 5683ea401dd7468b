import {
  isServerMessage,
  MessageType,
  type Cursor,
  type EventOrigin,
  type RecordName,
  type Welcome,
} from '../../protocol/index.js';
import type { AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { Channel, Dial } from './channel.js';
import { couldNotDial, tooLong, userClosed } from './close-error.js';
import type { ClientClock } from './clock.js';
import {
  IDLE,
  nextState,
  type ConnectionEvent,
  type ConnectionRules,
  type ConnectionState,
} from './connection-state.js';
import type { Faults } from './faults.js';
import { wait } from './patience.js';
import { PendingRequests } from './pending-requests.js';
import { Routes } from './routes.js';
import { isSendable } from './sendable.js';
import { ServerMessages } from './server-messages.js';
import { ServerTime } from './server-time.js';
import { StatusWatchers } from './status-watchers.js';
import type { BusStatus } from './status.js';
import type { Subscriber } from './subscriber.js';

/** How long after a sleep of the machine a server may take to answer, or to welcome. */
const ANSWER_MS = 3_000;

export interface ConnectionOptions extends ConnectionRules {
  readonly clock: ClientClock;
  /** In [0, 1). @default Math.random */
  readonly random: () => number;
  /** The name of this client; sent only to a server that has the feature `names`. */
  readonly name: string | undefined;
  readonly faults: Faults;
}

/** A lasting connection: reconnects when it breaks, subscribes again, and repeats the questions that have no answer yet. */
export class Connection {
  readonly #routes: Routes;
  readonly #pending: PendingRequests;
  readonly #watchers: StatusWatchers;
  readonly #time: ServerTime;
  readonly #messages: ServerMessages;
  #state: ConnectionState = IDLE;
  #cancelTimer: (() => void) | undefined;
  #channel: Channel | undefined;
  #opening: Promise<void> | undefined;
  #opened: { resolve(): void; reject(error: BusError): void } | undefined;

  constructor(
    private readonly dial: Dial,
    private readonly options: ConnectionOptions,
  ) {
    this.#routes = new Routes(this.#send, this.#refusal);
    this.#pending = new PendingRequests(options.clock, this.#send, this.#refusal);
    this.#watchers = new StatusWatchers(options.faults);
    this.#time = new ServerTime(options.clock);
    this.#messages = new ServerMessages(options.clock, this.#time, this.#routes, this.#pending, (event) => {
      this.#on(event);
    });
  }

  serverNow(): number {
    return this.#time.now();
  }

  get clock(): ClientClock {
    return this.options.clock;
  }

  get status(): BusStatus {
    return this.#state.status;
  }

  /** The server's last welcome. */
  get welcome(): Welcome | undefined {
    return this.#messages.welcome;
  }

  /** Calls `watcher` at every change of status. @returns a function that ends this. */
  watchStatus(watcher: (status: BusStatus) => void): () => void {
    return this.#watchers.add(watcher);
  }

  /** Resolves with the first welcome. If the first attempt fails, the caller may try again with a new connection. @throws BusError */
  open(): Promise<void> {
    if (this.#state.at === 'closed') return Promise.reject(this.#state.why);
    this.#opening ??= new Promise((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
    this.#on({ is: 'opened' });
    return this.#opening;
  }

  /** @param cause without `error`: the cause of the error that later calls throw. */
  close(error?: BusError, cause?: unknown): void {
    this.#on({ is: 'ended', error, why: error ?? userClosed(cause) });
  }

  /** Subscribes now, or as soon as there is a connection. */
  add(subscriber: Subscriber): void {
    if (this.#state.at === 'closed') subscriber.failed(this.#state.why);
    else this.#routes.add(subscriber);
  }

  /** Ends a subscription; it receives nothing more. */
  remove(subscriber: Subscriber): void {
    this.#routes.remove(subscriber);
  }

  /** Sends a barrier. @returns a cursor that includes what was on disk at the call. */
  sync(record?: RecordName, options: AskOptions = {}): Promise<Cursor> {
    const about = record ? [record.kind, record.id] : [];
    return this.#pending.ask('sync', (nonce) => [MessageType.sync, nonce, ...about], options) as Promise<Cursor>;
  }

  /** Asks the server about itself. */
  inspect(topic: string, params: object, options: AskOptions = {}): Promise<unknown> {
    return this.#pending.ask('inspect', (nonce) => [MessageType.inspect, nonce, topic, params], options);
  }

  // ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Handles every event. A watcher may close the client: the lines after that call then find the state `closed`. */
  #on(event: ConnectionEvent): void {
    const before = this.#state;
    const state = nextState(before, event, this.options);
    this.#state = state;
    if (state.at !== before.at) this.#enter(state);
    if (state.status !== before.status) this.#watchers.tell(state.status, () => this.#state === state);
    if (state.at === 'live') this.#opened?.resolve();
    if (state.at === 'stale') this.#broken(1006, state.status.cause);
  }

  #enter(state: ConnectionState): void {
    this.#giveTime();
    switch (state.at) {
      case 'idle':
        return;
      case 'dialling':
        this.#dial();
        return;
      case 'live':
        this.#greet();
        return;
      case 'stale':
      case 'waiting':
        this.#hangUp();
        this.#routes.interrupt();
        this.#pending.interrupt();
        return;
      case 'closed':
        this.#hangUp();
        this.#opened?.reject(state.why);
        this.#pending.end(state.why);
        this.#routes.end(state.why);
        return;
    }
  }

  /** Restarts the timer of the state. */
  #giveTime(): void {
    this.#cancelTimer?.();
    const state = this.#state;
    if (!('timerMs' in state)) return;
    this.#cancelTimer = wait(this.clock, state.timerMs, {
      over: () => {
        this.#on({ is: 'timer', now: this.clock.now() });
      },
      woken: () => this.#woken(state.at),
    });
  }

  /** After a sleep a wait for the next attempt is over, and a server that is connected has to answer soon. */
  #woken(at: 'dialling' | 'live' | 'waiting'): number {
    if (at === 'waiting') return 0;
    if (at === 'live') this.#ping();
    return ANSWER_MS;
  }

  #ping(): void {
    this.#messages.pinged();
    this.#send([MessageType.ping, 0]);
  }

  #dial(): void {
    let channel: Channel | undefined;
    try {
      channel = this.dial({
        message: (message) => {
          if (this.#channel === channel) this.#receive(message);
        },
        closed: (code, reason, error) => {
          if (this.#channel === channel) this.#broken(code, reason, error);
        },
      });
    } catch (error) {
      this.#broken(1006, '', couldNotDial(error));
      return;
    }
    this.#channel = channel;
  }

  #broken(code: number, reason: string, error?: BusError): void {
    this.#on({ is: 'broken', code, reason, error, random: this.options.random() });
  }

  #hangUp(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
  }

  #greet(): void {
    const { name, faults } = this.options;
    const { server, epoch, features } = this.welcome!;
    faults.logger.info({ epoch }, 'connected');
    if (name !== undefined && features?.includes('names')) this.#send([MessageType.name, name]);
    this.#ping();
    // Before the status watchers are called: what a watcher subscribes or asks is then sent directly, and only once.
    this.#routes.begin({ schemaVersion: server, epoch: epoch as EventOrigin['epoch'] });
    this.#pending.begin();
  }

  // ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #receive(message: unknown): void {
    if (!isServerMessage(message)) {
      this.#violated('the other side sent what is no message of a bus');
      return;
    }
    if (this.#state.at === 'live') this.#giveTime();
    // The first message is a welcome or an error; any other message before the welcome is ignored.
    else if (message[0] !== MessageType.welcome && message[0] !== MessageType.error) return;
    try {
      this.#messages.take(message, this.#state.at);
    } catch (error) {
      this.#violated('a message of the server could not be used', error);
    }
  }

  /** Closes the client: after a breach of the protocol no message of the server can be trusted. */
  #violated(text: string, cause?: unknown): void {
    this.close(new BusError('protocol', text, 'is this the url of a bus? update the client or the server', { cause }));
  }

  readonly #send = (message: readonly unknown[]): void => {
    this.#channel?.send(message);
  };

  /**
   * Returns why a message must not be sent. The server ends a connection over a message that is too long or no UTF-8, some engines without a word, so
   * that the next connection would send it again: one question would end all others for ever.
   */
  readonly #refusal = (message: readonly unknown[]): BusError | undefined => {
    if (!isSendable(message)) return new BusError('bad-option', 'the question has what JSON has not', 'mend it');
    const most = this.welcome?.limits['max_payload_bytes'];
    if (most === undefined || this.#channel === undefined || this.#channel.bytesOf(message) <= most) return undefined;
    return tooLong(most);
  };
}
