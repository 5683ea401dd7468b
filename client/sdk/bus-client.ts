import {
  formatCursor,
  kindFromName,
  KINDS,
  closestMatch,
  parseConnectionName,
  ProtocolError,
  unixMillis,
  type FilterInput,
  type Inspections,
  type Kind,
  type Welcome,
} from '../../protocol/index.js';
import { ASK_OPTIONS, within, type AskOptions } from './ask-options.js';
import { BACKOFF_OPTIONS, type BackoffOptions } from './backoff.js';
import { BusError } from './bus-error.js';
import type { Dial } from './channel.js';
import { systemClock, type ClientClock } from './clock.js';
import { Connection } from './connection.js';
import { Faults } from './faults.js';
import { HOLDERS_OPTIONS, type AddressHolding, type Holder, type HoldersOptions } from './holders.js';
import type { Logger } from './logger.js';
import type { MirrorOptions, MirrorRecord } from './mirror-options.js';
import { LEASE_KINDS } from './mirror-plan.js';
import { Mirror } from './mirror.js';
import {
  ANYTHING,
  attempts,
  CALL,
  checkOptions,
  FLAG,
  OBJECT,
  objectWith,
  shown,
  SIGNAL,
  TEXT,
  type OptionTable,
} from './option-table.js';
import type { BusStatus } from './status.js';
import type { SubscribeOptions } from './subscribe-options.js';
import { Subscription } from './subscription.js';

/**
 * By no more is the server's time doubted. The first ping of a connection may have taken as long as its server was stopped, and each
 * lease would end so much later for as long as the connection lasts.
 */
const MAX_DOUBT_MS = 1_000;
const UNKNOWN_HINT = 'the bus cannot see or read all reservations: muse-bus doctor says why; ask again later';

/** What may be set of a client beside where its bus is. */
export interface ClientOptions {
  /** Closes the client. */
  readonly signal?: AbortSignal | undefined;
  readonly backoff?: BackoffOptions | undefined;
  /** Give up after so many attempts in a row. @default Infinity */
  readonly maxAttempts?: number | undefined;
  /** Whether the first connection is waited for like any other, over any number of attempts. @default false */
  readonly waitOnFirstConnect?: boolean | undefined;
  /** What the server calls this client, in its overview, its metrics and its log; 1 to 128 characters. */
  readonly name?: string | undefined;
  /** Told what the client does; pino fits. @default none */
  readonly logger?: Logger | undefined;
  /** Told what watchers throw, who touch nobody else by it. @default the logger, or where there is none stderr */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** @default the system's */
  readonly clock?: ClientClock | undefined;
  /** In [0, 1). @default Math.random */
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

/** Which record. */
export interface RecordName {
  readonly kind: Kind;
  readonly id: string;
}

/** What each of the two takes, `recordName` says better. */
const RECORD_NAME: OptionTable<RecordName> = { kind: ANYTHING, id: ANYTHING };

/** A connection to a bus, as long as it is wanted: it survives restarts of the server and loss of the network. */
export class BusClient implements AsyncDisposable {
  /** Time as this client takes it. */
  readonly clock: ClientClock;
  readonly #faults: Faults;
  readonly #connection: Connection;

  /** @throws BusError `bad-option` */
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

  /** Connects for the first time. @throws BusError where that fails, or it is closed; later failures are repaired in silence. */
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

  /**
   * A live local view of the records that match a filter. Resolves when it is complete.
   * @throws BusError where the bus refuses it, the client is closed, or the time is up; the signal's reason.
   */
  mirror(filter: FilterInput = {}, options: MirrorOptions = {}): Promise<Mirror> {
    return Mirror.open(this, this.#faults, filter, options);
  }

  /** A record as it is on disk now; `undefined` where there is none. @throws BusError `timeout`; the signal's reason. */
  async get<K extends Kind>(kind: K, id: string, options: AskOptions = {}): Promise<MirrorRecord<K> | undefined> {
    checkOptions('get', options, ASK_OPTIONS);
    const name = recordName({ kind, id }, 'get');
    return within(options, this.clock, 'get', async (signal) => {
      await this.sync(name, { signal });
      const mirror = await this.mirror({ kinds: [name.kind], ids: [id] }, { signal, leases: false });
      try {
        return mirror.get(name.kind, id) as MirrorRecord<K> | undefined;
      } finally {
        await mirror.close();
      }
    });
  }

  /**
   * Who holds an address, by all that is on disk now, the first to end first.
   * @throws BusError `unknown` where nobody is known to hold it and the bus cannot see or read what decides; `timeout`; the
   *   signal's reason. An empty answer is never given for one that is not known.
   */
  async holders(address: string, options: HoldersOptions & AskOptions = {}): Promise<Holder[]> {
    const { free, holders } = await this.holding(address, options);
    if (free !== 'unknown') return [...holders];
    throw new BusError('unknown', `whether ${address} is held is not known`, UNKNOWN_HINT);
  }

  /** The same, with `free: 'unknown'` where it is not known. @throws BusError `timeout`; the signal's reason. */
  async holding(address: string, options: HoldersOptions & AskOptions = {}): Promise<AddressHolding> {
    checkOptions('holders', options, HOLDING_OPTIONS);
    const { signal, timeoutMs, ...about } = options;
    return within({ signal, timeoutMs }, this.clock, 'holders', async (end) => {
      // A lease that ends after the question may be prolonged after the disk was read: it is judged at this moment.
      const roundTripMs = this.status.state === 'live' ? Math.min(this.status.roundTripMs, MAX_DOUBT_MS) : 0;
      const askedAt = unixMillis(this.serverNow() - roundTripMs);
      await this.sync(undefined, { signal: end });
      const mirror = await this.mirror({ kinds: LEASE_KINDS }, { signal: end });
      try {
        // The barrier proves all that happened until it was asked for.
        // A server whose clock was set back has said so before it answered.
        const at = unixMillis(Math.min(askedAt, this.serverNow()));
        return mirror.holding(address, about, { ...mirror.moment, now: at, completeUntil: at });
      } finally {
        await mirror.close();
      }
    });
  }

  /** The server's wall clock, as well as we know it, Unix milliseconds. */
  serverNow(): number {
    return this.#connection.serverNow();
  }

  /**
   * The barrier: resolves once the server has read that record, or everything, as it is on disk now. Events of what it
   * found have been sent before. While there is no connection it waits for one.
   * @returns the cursor that includes it.
   * @throws BusError `bad-option`, for what names no record; `timeout`; the signal's reason.
   */
  async sync(record?: RecordName, options: AskOptions = {}): Promise<string> {
    checkOptions('sync', options, ASK_OPTIONS);
    checkOptions('sync', record, RECORD_NAME);
    const name = record && recordName(record, 'sync');
    return formatCursor(await this.#connection.sync(name, options));
  }

  /**
   * Asks the server about itself: `overview`, who is connected and how each is served; `explain`, why a record or a
   * transition was or was not delivered.
   * @throws BusError `bad-option`, naming what is wrong with the question; `limit`, where too many are asked; `timeout`; the
   *   signal's reason.
   */
  async inspect<Topic extends keyof Inspections>(
    topic: Topic,
    params: Inspections[Topic]['params'] = {},
    options: AskOptions = {},
  ): Promise<Inspections[Topic]['answer']> {
    checkOptions('inspect', options, ASK_OPTIONS);
    return this.#connection.inspect(topic, params, options) as Promise<Inspections[Topic]['answer']>;
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

/** @throws BusError `bad-option`. What more a server asks of an id, it says itself. */
function recordName({ kind, id }: RecordName, call: string): RecordName {
  const known = typeof kind === 'string' ? kindFromName(kind) : undefined;
  if (known === undefined) {
    const best = typeof kind === 'string' ? closestMatch(kind, KINDS) : undefined;
    const hint = best === undefined ? `kinds are ${KINDS.join(', ')}` : `did you mean ${best}?`;
    throw new BusError('bad-option', `${call}: ${shown(kind)} is no kind; ${hint}`, hint);
  }
  if (typeof id === 'string' && id !== '') return { kind: known, id };
  throw new BusError('bad-option', `${call}: id must be a string that is not empty, got ${shown(id)}`, '');
}
