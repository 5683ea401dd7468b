import { formatCursor, type FilterInput, type Inspections, type Kind, type Welcome } from '../protocol/index.js';
import type { BackoffOptions } from './backoff.js';
import type { Dial } from './channel.js';
import { systemClock, type ClientClock } from './clock.js';
import { Connection } from './connection.js';
import { Mirror } from './mirror.js';
import type { BusStatus } from './status.js';
import type { SubscribeOptions } from './subscribe-options.js';
import { Subscription } from './subscription.js';

/** What may be set of a client beside where its bus is. */
export interface ClientOptions {
  /** Closes the client. */
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** Give up after so many attempts in a row. @default Infinity */
  readonly maxAttempts?: number;
  /** @default the system's */
  readonly clock?: ClientClock;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** A connection to a bus, as long as it is wanted: it survives restarts of the server and loss of the network. */
export class BusClient implements AsyncDisposable {
  /** Time as this client takes it. */
  readonly clock: ClientClock;
  readonly #connection: Connection;
  /** As last heard: the server's wall clock less ours. */
  #skewMs = 0;

  constructor(dial: Dial, options: ClientOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#connection = new Connection(dial, {
      clock: this.clock,
      random: options.random ?? Math.random,
      backoff: options.backoff ?? {},
      maxAttempts: options.maxAttempts ?? Infinity,
    });
    this.#connection.watchStatus((status) => {
      if (status.state === 'live') this.#skewMs = status.clockSkewMs;
    });
    options.signal?.addEventListener('abort', () => void this.close(), { once: true });
    if (options.signal?.aborted) void this.close();
  }

  /** Connects for the first time. @throws BusError where that fails; later failures are repaired in silence. */
  open(): Promise<void> {
    return this.#connection.open();
  }

  get status(): BusStatus {
    return this.#connection.status;
  }

  /** Calls at every change of status until the returned function is called. */
  watchStatus(watcher: (status: BusStatus) => void): () => void {
    return this.#connection.watchStatus(watcher);
  }

  /** What the server said of itself when it was last reached: version, epoch, watching mechanism, limits. */
  get server(): Welcome | undefined {
    return this.#connection.welcome;
  }

  /**
   * The events that match a filter: first a `snapshot` event for each record that stands, then every change.
   * @throws BusError `bad-option`, for a filter or option that no server would take.
   */
  subscribe(filter: FilterInput = {}, options: SubscribeOptions = {}): Subscription {
    return new Subscription(this.#connection, filter, options);
  }

  /** A live local view of the records that match a filter. Resolves when it is complete. */
  mirror(filter: FilterInput = {}): Promise<Mirror> {
    return Mirror.open(this, filter);
  }

  /** The server's wall clock, as well as we know it, Unix milliseconds. */
  serverNow(): number {
    return this.clock.now() + this.#skewMs;
  }

  /**
   * The barrier: resolves once the server has read that record, or everything, as it is on disk now. Events of what it
   * found have been sent before.
   * @returns the cursor that includes it.
   */
  async sync(record?: { readonly kind: Kind; readonly id: string }): Promise<string> {
    return formatCursor(await this.#connection.sync(record));
  }

  /**
   * Asks the server about itself: `overview`, who is connected and how each is served; `explain`, why a record or a
   * transition was or was not delivered.
   * @throws BusError `bad-option`, naming what is wrong with the question; `limit`, where too many are asked.
   */
  inspect<Topic extends keyof Inspections>(
    topic: Topic,
    params: Inspections[Topic]['params'] = {},
  ): Promise<Inspections[Topic]['answer']> {
    return this.#connection.inspect(topic, params) as Promise<Inspections[Topic]['answer']>;
  }

  /** Ends every subscription and the connection. */
  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
