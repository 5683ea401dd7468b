import {
  formatCursor,
  LEASE_KINDS,
  parseConnectionName,
  ProtocolError,
  type FilterInput,
  type Inspections,
  type Kind,
  type RecordName,
  type Welcome,
} from '../../protocol/index.js';
import { ASK_OPTIONS, within, type AskOptions } from './ask-options.js';
import { BACKOFF_OPTIONS, type BackoffOptions } from './backoff.js';
import { askAtBarrier, mirrorAtBarrier } from './barrier-mirror.js';
import { BusError } from './bus-error.js';
import type { Dial } from './channel.js';
import { systemClock, type ClientClock } from './clock.js';
import { Connection } from './connection.js';
import { Faults } from './faults.js';
import { HOLDERS_OPTIONS, type AddressHolding, type Holder, type HoldersOptions } from './holders.js';
import type { Logger } from './logger.js';
import type { MirrorOptions, MirrorRecord } from './mirror-options.js';
import { Mirror } from './mirror.js';
import {
  ANYTHING,
  attempts,
  CALL,
  checkOptions,
  FLAG,
  OBJECT,
  objectWith,
  SIGNAL,
  TEXT,
  type OptionTable,
} from './option-table.js';
import { withoutUndefined } from './sendable.js';
import { recordName } from './record-name.js';
import type { BusStatus } from './status.js';
import type { SubscribeOptions } from './subscribe-options.js';
import { Subscription } from './subscription.js';

const UNKNOWN_HINT = 'the bus cannot see or read all reservations: muse-bus doctor says why; ask again later';

/** The options of a client, except which bus it connects to. */
export interface ClientOptions {
  /** Closes the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** The waits between attempts to connect. @default 250 ms at most before the first retry, 15 s at most before any */
  readonly backoff?: BackoffOptions | undefined;
  /** After this number of failed attempts in a row the client closes with the last error. @default Infinity */
  readonly maxAttempts?: number | undefined;
  /**
   * Whether a first attempt that fails is retried like any later one, up to `maxAttempts`. An error that no retry can repair, such as a
   * refused token, still ends the client. @default false: the first failure ends the client
   */
  readonly waitOnFirstConnect?: boolean | undefined;
  /** The name of this client in the server's overview, metrics and log; 1 to 128 characters. @default none */
  readonly name?: string | undefined;
  /** Receives the client's log lines; a pino logger fits. @default none */
  readonly logger?: Logger | undefined;
  /**
   * Called with each error that a watcher throws; such an error stops neither the client nor the other watchers. The logger receives
   * it too. @default with a logger, nothing more; without one, a warning of the process in Node, an `error` event in a browser
   */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The clock for all times and timers of the client. @default the system's clock */
  readonly clock?: ClientClock | undefined;
  /** Returns a number in [0, 1), for the random part of the backoff. @default Math.random */
  readonly random?: (() => number) | undefined;
}

export const CLIENT_OPTIONS: OptionTable<ClientOptions> = {
  signal: SIGNAL,
  backoff: OBJECT,
  maxAttempts: attempts,
  waitOnFirstConnect: FLAG,
  name: TEXT,
  logger: objectWith('debug', 'info', 'warn', 'error'),
  onError: CALL,
  clock: objectWith('now', 'after'),
  random: CALL,
};

export const HOLDING_OPTIONS: OptionTable<HoldersOptions & AskOptions> = { ...HOLDERS_OPTIONS, ...ASK_OPTIONS };

/** Accepts any value: `recordName` checks both fields and reports more exact errors. */
const RECORD_NAME: OptionTable<RecordName> = { kind: ANYTHING, id: ANYTHING };

/** A client of a bus. It reconnects after a restart of the server or a loss of the network, until it is closed. */
export class BusClient implements AsyncDisposable {
  /** The clock of this client, from its options. */
  readonly clock: ClientClock;
  readonly #faults: Faults;
  readonly #connection: Connection;

  /** Connects nothing yet: {@link open} does. @throws BusError `bad-option` */
  constructor(dial: Dial, options: ClientOptions = {}) {
    checkOptions('a client', options, CLIENT_OPTIONS);
    const { clock = systemClock, random = Math.random, backoff = {}, maxAttempts = Infinity, signal, name } = options;
    checkOptions('backoff', backoff, BACKOFF_OPTIONS);
    if (name !== undefined) checkName(name);
    this.clock = clock;
    const faults = new Faults(options.logger, options.onError);
    this.#faults = faults;
    const waitOnFirstConnect = options.waitOnFirstConnect ?? false;
    this.#connection = new Connection(dial, { clock, random, backoff, maxAttempts, waitOnFirstConnect, name, faults });
    const onAbort = (): void => {
      this.#connection.close(undefined, signal?.reason);
    };
    this.#connection.watchStatus((status) => {
      if (status.state === 'closed') signal?.removeEventListener('abort', onAbort);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  }

  /**
   * Connects for the first time; resolves when the server has welcomed the client. After that the client reconnects by itself.
   * @throws BusError if the connection fails or the client is closed.
   */
  open(): Promise<void> {
    return this.#connection.open();
  }

  /** The state of the connection now. */
  get status(): BusStatus {
    return this.#connection.status;
  }

  /** Calls `watcher` at every change of status. @returns a function that ends this. */
  watchStatus(watcher: (status: BusStatus) => void): () => void {
    return this.#connection.watchStatus(watcher);
  }

  /** The server's last welcome: its version, epoch, way of watching files, limits. `undefined` before the first connection. */
  get server(): Welcome | undefined {
    return this.#connection.welcome;
  }

  /**
   * Returns the events that match a filter: first a `snapshot` event for each current record, then an event for every change.
   * @param filter which events; the default is all.
   * @throws BusError `bad-option`, for a filter or option that every server refuses.
   */
  subscribe(filter: FilterInput = {}, options: SubscribeOptions = {}): Subscription {
    return new Subscription(this.#connection, filter, options);
  }

  /**
   * Opens a live local copy of the records that match a filter. Resolves when the copy is complete.
   * @param filter which records; the default is all.
   * @throws BusError `bad-option`; `timeout`; `closed` if the client is closed; the server's error if it refuses the subscription; the
   *   signal's reason.
   */
  mirror(filter: FilterInput = {}, options: MirrorOptions = {}): Promise<Mirror> {
    return Mirror.open(this, this.#faults, filter, options);
  }

  /**
   * Returns a record as it is on disk at the time of the call; `undefined` if there is no such record.
   * @throws BusError `bad-option`; `timeout`; `closed`; the signal's reason.
   */
  async get<K extends Kind>(kind: K, id: string, options: AskOptions = {}): Promise<MirrorRecord<K> | undefined> {
    checkOptions('get', options, ASK_OPTIONS);
    const name = recordName({ kind, id }, 'get');
    const filter = { kinds: [name.kind], ids: [id] };
    return within(options, this.clock, 'get', (signal) =>
      mirrorAtBarrier(this, name, filter, { signal, leases: false }, (mirror) => mirror.get(name.kind, id)),
    ) as Promise<MirrorRecord<K> | undefined>;
  }

  /**
   * Returns the leases that hold an address, from all records on disk at the time of the call; the lease that ends first comes first.
   * An empty list proves that the address is free.
   * @throws BusError `unknown` if no holder is known, but the bus cannot see or read all records that decide; `bad-option` if the text is
   *   no address; `timeout`; `closed`; the signal's reason.
   */
  async holders(address: string, options: HoldersOptions & AskOptions = {}): Promise<Holder[]> {
    const { free, holders } = await this.holding(address, options);
    if (free !== 'unknown') return [...holders];
    throw new BusError('unknown', `whether ${address} is held is not known`, UNKNOWN_HINT);
  }

  /**
   * Returns the same as {@link holders} and whether the address is free; `free: 'unknown'` takes the place of the error `unknown`.
   * @throws BusError `bad-option`; `timeout`; `closed`; the signal's reason.
   */
  async holding(address: string, options: HoldersOptions & AskOptions = {}): Promise<AddressHolding> {
    checkOptions('holders', options, HOLDING_OPTIONS);
    const { signal, timeoutMs, ...about } = options;
    return within({ signal, timeoutMs }, this.clock, 'holders', (end) =>
      askAtBarrier(this, { kinds: LEASE_KINDS }, end, (mirror, asked) => mirror.holding(address, about, asked)),
    );
  }

  /** Returns the best estimate of the server's wall clock, Unix milliseconds; this host's wall clock before the first connection. */
  serverNow(): number {
    return this.#connection.serverNow();
  }

  /**
   * Sends a barrier: resolves once the server has read the record, or without one all records, as they were on disk at the call. The
   * server sends the resulting events before it answers. Without a connection the call waits for one.
   * @returns the cursor, `epoch:revision`, that includes those events.
   * @throws BusError `bad-option` if `record` names no record; `timeout`; `closed`; the signal's reason.
   */
  async sync(record?: RecordName, options: AskOptions = {}): Promise<string> {
    checkOptions('sync', options, ASK_OPTIONS);
    checkOptions('sync', record, RECORD_NAME);
    const name = record && recordName(record, 'sync');
    return formatCursor(await this.#connection.sync(name, options));
  }

  /**
   * Asks the server about itself. Topics: `overview`, which clients are connected and the delivery state of each; `explain`, why an
   * event of a record was or was not delivered.
   * @throws BusError `bad-option`, which names what is wrong with the parameters; `limit` after too many questions; `timeout`; `closed`;
   *   the signal's reason.
   */
  async inspect<Topic extends keyof Inspections>(
    topic: Topic,
    params: Inspections[Topic]['params'] = {},
    options: AskOptions = {},
  ): Promise<Inspections[Topic]['answer']> {
    checkOptions('inspect', options, ASK_OPTIONS);
    const asked = withoutUndefined(params) as object;
    return this.#connection.inspect(topic, asked, options) as Promise<Inspections[Topic]['answer']>;
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

function checkName(name: string): void {
  try {
    parseConnectionName(name);
  } catch (error) {
    if (error instanceof ProtocolError) throw new BusError(error.code, error.message, 'choose another name');
    throw error;
  }
}
