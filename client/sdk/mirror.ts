import {
  LEASE_KINDS,
  conflictForm,
  leaseForm,
  Swarm,
  type ConflictForm,
  type FilterInput,
  type Kind,
  type Moment,
} from '../../protocol/index.js';
import { readAddresses } from './address.js';
import { AddressWaits, type WhenFreeOptions } from './address-waits.js';
import { within } from './ask-options.js';
import { BusError } from './bus-error.js';
import { whyOver } from './close-error.js';
import { ConflictWatches } from './conflict-watch.js';
import type { Faults } from './faults.js';
import { readKind } from './record-name.js';
import { HOLDERS_OPTIONS, LEASES_OPTIONS, type AddressHolding, type Holder, type HoldersOptions } from './holders.js';
import { mirrorMoment } from './mirror-moment.js';
import { MIRROR_OPTIONS, type MirrorOptions, type MirrorRecord, type MirrorSource } from './mirror-options.js';
import { planOf } from './mirror-plan.js';
import { busEvent, nextState, OPENING, type MirrorEvent, type MirrorState, type MirrorStatus } from './mirror-state.js';
import { checkOptions } from './option-table.js';
import { RecordView, type RecordChange } from './record-view.js';
import { ShownRecords } from './shown-records.js';
import { checkFilter } from './subscribe-options.js';
import { Watchers } from './watchers.js';

const ANY_KIND = (): boolean => true;

/**
 * A live local copy of the records that match a filter, and of all leases, both of one moment. `bus.mirror` returns it when it is complete.
 * It continues over broken connections, and after a resync it reports exactly the differences. While the bus is away it shows the last
 * known records ({@link Mirror.status}). For React: `useSyncExternalStore(mirror.subscribe, () => mirror.version)`.
 * Everything about leases throws BusError `bad-option` on a mirror that was opened with `leases: false`.
 */
export class Mirror implements AsyncDisposable {
  /** Resolves when the mirror has ended: with the error that ended it, or with `undefined` if it was closed. */
  readonly closed: Promise<BusError | undefined>;
  /**
   * The model of the records that the mirror follows: all leases, and the other records that its filter lets through. Ask it at
   * {@link moment}.
   */
  readonly swarm = new Swarm();
  readonly #bus: MirrorSource;
  readonly #faults: Faults;
  readonly #options: MirrorOptions;
  readonly #watchers = new Watchers<(changes: readonly RecordChange[]) => void>();
  readonly #views: readonly RecordView[];
  readonly #close = new AbortController();
  readonly #shown: ShownRecords;
  readonly #waits: AddressWaits;
  readonly #conflicts: ConflictWatches;
  readonly #forgetStatus: () => void;
  #settle!: (error: BusError | undefined) => void;
  #state = OPENING;
  #version = 0;

  private constructor(bus: MirrorSource, faults: Faults, filter: FilterInput, options: MirrorOptions) {
    this.#bus = bus;
    this.#faults = faults;
    this.#options = options;
    const plan = planOf(filter, options.leases ?? true);
    const { signal } = this.#close;
    this.#shown = new ShownRecords(plan.shows, (kind, id) => this.#views[0]!.get(kind, id));
    this.#waits = new AddressWaits(bus, this, signal, faults);
    this.#conflicts = new ConflictWatches(() => this.swarm.conflicts(this.moment), faults);
    this.closed = new Promise((resolve) => (this.#settle = resolve));
    const records = new RecordView(bus.subscribe(plan.filter, { signal }), (changes) => {
      this.#tell(this.#take(changes, plan.leases ? (kind) => !LEASE_KINDS.includes(kind) : ANY_KIND));
    });
    const leases =
      plan.leases &&
      new RecordView(bus.subscribe(plan.leases, { signal }), (changes) => {
        this.#take(changes, ANY_KIND);
        this.#tell([]);
      });
    this.#views = leases ? [records, leases] : [records];
    this.#forgetStatus = bus.watchStatus(this.#heard);
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** @returns the mirror once it is complete. @throws BusError if the bus refuses the mirror; it is then closed. */
  static async open(bus: MirrorSource, faults: Faults, filter: FilterInput, options: MirrorOptions): Promise<Mirror> {
    checkFilter(filter);
    checkOptions('mirror', options, MIRROR_OPTIONS);
    return within(options, bus.clock, 'mirror', async (signal) => {
      const mirror = new Mirror(bus, faults, filter, options);
      const abandon = (): void => {
        if (mirror.#state.at === 'opening') mirror.#ended(undefined);
      };
      signal.addEventListener('abort', abandon, { once: true });
      await mirror.#run();
      return mirror;
    });
  }

  /** Whether the mirror shows the current records. */
  get status(): MirrorStatus {
    return this.#state.status;
  }

  /** A number that grows with every change of records and of leases, for `useSyncExternalStore`. */
  get version(): number {
    return this.#version;
  }

  /** Returns a record that the mirror shows; `undefined` if there is none of that kind and id. */
  get<K extends Kind>(kind: K, id: string): MirrorRecord<K> | undefined {
    const record = this.#views[0]!.get(readKind(kind, 'get'), id);
    return (record && this.#shown.has(record) ? record : undefined) as MirrorRecord<K> | undefined;
  }

  /** Returns all records of a kind that the mirror shows, ordered by id. */
  all<K extends Kind>(kind: K): MirrorRecord<K>[] {
    return this.#shown.ofKind(readKind(kind, 'all'), this.#views[0]!.all()) as unknown as MirrorRecord<K>[];
  }

  /**
   * The moment to ask {@link swarm} at. `now`: the server's clock; `completeUntil`: the mirror has everything that happened up to this
   * time; both Unix milliseconds. `unseen`: the kinds whose current records are not known.
   */
  get moment(): Moment {
    return mirrorMoment(this.#bus, this.#state, this.#views);
  }

  /**
   * Returns the leases that hold an address, as far as this mirror knows ({@link Mirror.status}). The lease with the earliest effective
   * expiry on the server's clock comes first. A file overlaps its symbols, a class its methods, a directory or pattern everything it
   * covers. An empty list proves nothing: use {@link Mirror.holding} to tell "free" from "not known", or `bus.holders` to ask the disk.
   * @throws BusError `bad-option` if the text is no address.
   */
  holders(address: string, options: HoldersOptions = {}): Holder[] {
    return [...this.holding(address, options).holders];
  }

  /**
   * Returns the same as {@link holders} and whether the address is free. `free` is `unknown` while the bus is away, or cannot see or read
   * the records that decide.
   * @param at the moment of the question. @default {@link moment}
   * @throws BusError `bad-option` if the text is no address.
   */
  holding(address: string, options: HoldersOptions = {}, at = this.moment): AddressHolding {
    checkOptions('holders', options, HOLDERS_OPTIONS);
    const { branch, ...context } = options;
    this.#needLeases();
    const { free, holders } = this.swarm.holders(readAddresses(address, context), at, { branch });
    return { free, holders: holders.map(leaseForm) };
  }

  /**
   * Calls `watcher` whenever the result of {@link Mirror.holding} may have changed: at a change of leases or of the connection, and when
   * the first lease on the address lapses.
   * @returns a function that ends this.
   * @throws BusError `bad-option` if the text is no address.
   */
  watchHolding(address: string, options: HoldersOptions, watcher: () => void): () => void {
    this.holding(address, options);
    return this.#waits.watch(address, options, watcher);
  }

  /** Returns all leases that hold, as far as this mirror knows; the lease that ends first comes first. @throws BusError `bad-option` */
  leases(options: Pick<HoldersOptions, 'branch'> = {}): Holder[] {
    checkOptions('leases', options, LEASES_OPTIONS);
    this.#needLeases();
    return this.swarm.held(this.moment, { branch: options.branch }).map(leaseForm);
  }

  /** Returns the lease of a reservation now, also a lapsed or released one; `undefined` if there is no reservation with this id. */
  lease(id: string): Holder | undefined {
    this.#needLeases();
    const lease = this.swarm.lease(id, this.moment);
    return lease && leaseForm(lease);
  }

  /**
   * Returns the conflicts now: runs that hold overlapping addresses, in the order of Muse's forecast, which puts collisions first; and
   * operations that exclude one another, as far as the filter lets intents through.
   */
  conflicts(): ConflictForm[] {
    this.#needLeases();
    return this.swarm.conflicts(this.moment).map(conflictForm);
  }

  /**
   * Calls `call` with each conflict that begins from now on, as soon as the second reservation is known. The mirror reports the conflicts
   * of all runs; `parties` names the runs of each. Each change then costs a search of all leases.
   * @returns a function that ends this.
   */
  onConflict(call: (conflict: ConflictForm) => void): () => void {
    this.#needLeases();
    return this.#conflicts.add(call);
  }

  /**
   * Resolves when no lease holds the address or anything that it covers, and a reachable bus has confirmed that from the records on disk.
   * The wait continues while the bus cannot be reached or cannot tell.
   * @throws BusError `timeout`; the signal's reason; `closed` if the mirror is closed; the error that ended the mirror; `bad-option` if
   *   the text is no address.
   */
  async whenFree(address: string, options: WhenFreeOptions = {}): Promise<void> {
    this.#needLeases();
    return this.#waits.whenFree(address, options);
  }

  /**
   * Calls `watcher` after every change, with the changed records; the list is empty if only leases changed or an error ended the mirror. An
   * error of a watcher goes to `onError` of the client and affects no other watcher. Works without `this`.
   * @returns a function that ends this.
   */
  readonly subscribe = (watcher: (changes: readonly RecordChange[]) => void): (() => void) =>
    this.#watchers.add(watcher);

  /** Ends the mirror: it changes no more, and {@link status} is `closed`. */
  close(): Promise<void> {
    this.#ended(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when every view is complete. The end of one view ends the mirror. */
  async #run(): Promise<void> {
    const complete = (view: RecordView): Promise<void> =>
      new Promise((resolve, reject) => {
        const over = (why: Error): void => {
          this.#ended(why instanceof BusError ? why : undefined);
          reject(why);
        };
        view
          .run(resolve, this.#close.signal)
          .then(() => whyOver(this.#bus.status, this.#options.signal))
          .then(over, over);
      });
    await Promise.all(this.#views.map(complete));
    this.#on({ is: 'completed' });
    // The connection may be lost by now.
    this.#heard();
  }

  /** The only function that changes the state. @returns the state before, if it changed. */
  #on(event: MirrorEvent): MirrorState | undefined {
    const before = this.#state;
    this.#state = nextState(before, event);
    return this.#state === before ? undefined : before;
  }

  readonly #heard = (): void => {
    this.#on(busEvent(this.#bus.status, this.#bus.clock.now()));
  };

  #ended(why: BusError | undefined): void {
    const error = why?.code === 'closed' ? undefined : why;
    const before = this.#on({ is: 'ended', error });
    if (!before) return;
    this.#forgetStatus();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#close.abort(error);
    this.#settle(error);
    if (!error || before.at === 'opening') return;
    this.#faults.guard('onError of a mirror', () => this.#options.onError?.(error));
    // Watchers that display the mirror must display its end.
    this.#tell([]);
  }

  readonly #abort = (): void => {
    this.#ended(undefined);
  };

  // ── what it shows ─────────────────────────────────────────────────────────────────────────────────────────────────

  #tell(changes: readonly RecordChange[]): void {
    this.#version++;
    this.#waits.changed();
    this.#conflicts.changed();
    for (const watcher of this.#watchers) this.#faults.guard('a watcher of a mirror', watcher, changes);
  }

  #needLeases(): void {
    if (this.#options.leases !== false) return;
    throw new BusError('bad-option', 'this mirror follows no leases (leases: false)', 'open one that does');
  }

  /** @returns the differences in what is shown. */
  #take(changes: readonly RecordChange[], isOurs: (kind: Kind) => boolean): readonly RecordChange[] {
    for (const { before, after } of changes) {
      if (after && isOurs(after.kind)) this.swarm.put(after);
      else if (!after && before && isOurs(before.kind)) this.swarm.drop(before.kind, before.id);
    }
    return this.#shown.take(changes);
  }
}
