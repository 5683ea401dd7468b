import {
  conflictForm,
  leaseForm,
  Swarm,
  unixMillis,
  type ConflictForm,
  type FilterInput,
  type Kind,
  type Moment,
  type WatchHealth,
} from '../../protocol/index.js';
import { readAddresses } from './address.js';
import { AddressWaits, type WhenFreeOptions } from './address-waits.js';
import { within } from './ask-options.js';
import { BusError } from './bus-error.js';
import { whyOver } from './close-error.js';
import { ConflictWatches } from './conflict-watch.js';
import type { Faults } from './faults.js';
import { HOLDERS_OPTIONS, LEASES_OPTIONS, type AddressHolding, type Holder, type HoldersOptions } from './holders.js';
import { MIRROR_OPTIONS, type MirrorOptions, type MirrorRecord, type MirrorSource } from './mirror-options.js';
import { LEASE_KINDS, planOf } from './mirror-plan.js';
import { busEvent, nextState, OPENING, type MirrorEvent, type MirrorState, type MirrorStatus } from './mirror-state.js';
import { checkOptions } from './option-table.js';
import { RecordView, type RecordChange } from './record-view.js';
import { ShownRecords } from './shown-records.js';
import { checkFilter } from './subscribe-options.js';

const ALL_LEASE_KINDS: ReadonlySet<Kind> = new Set(LEASE_KINDS);
const ANY_KIND = (): boolean => true;

/**
 * A live local view of the records that match a filter, and of all leases, both of one moment. It is complete when it is given
 * out, stays right over broken connections, and after a resync tells exactly the differences. For React:
 * `useSyncExternalStore(mirror.subscribe, () => mirror.version)`.
 */
export class Mirror implements AsyncDisposable {
  /** Resolves when the mirror has ended, with the error that ended it, or `undefined` where it was closed. */
  readonly closed: Promise<BusError | undefined>;
  /**
   * The model of what it follows: all leases, and of the rest what its filter lets through. To be asked at {@link moment}.
   */
  readonly swarm = new Swarm();
  readonly #bus: MirrorSource;
  readonly #faults: Faults;
  readonly #options: MirrorOptions;
  readonly #watchers = new Set<(changes: readonly RecordChange[]) => void>();
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

  /** @returns the mirror once it is complete. @throws BusError where the bus refuses it; nothing of it is left then. */
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

  get status(): MirrorStatus {
    return this.#state.status;
  }

  /** Grows with every change, of records and of leases: what `useSyncExternalStore` compares. */
  get version(): number {
    return this.#version;
  }

  get<K extends Kind>(kind: K, id: string): MirrorRecord<K> | undefined {
    const record = this.#views[0]!.get(kind, id);
    return (record && this.#shown.has(record) ? record : undefined) as MirrorRecord<K> | undefined;
  }

  /** All records of a kind, ordered by id. */
  all<K extends Kind>(kind: K): MirrorRecord<K>[] {
    const all = [...this.#views[0]!.all()].filter((record) => record.kind === kind && this.#shown.has(record));
    return (all as unknown as MirrorRecord<K>[]).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The server's clock, and how far what is known reaches. */
  get moment(): Moment {
    const now = unixMillis(this.#bus.serverNow());
    // Never by this clock: a lease ends here when the server has said everything up to its end.
    const completeUntil = unixMillis(Math.min(now, ...this.#views.map(({ provenUntil }) => provenUntil)));
    const { status } = this.#bus;
    const isSeen =
      this.#state.at === 'live' &&
      status.state === 'live' &&
      (status.health === undefined || isAllSeen(status.health)) &&
      this.#views.every(({ isCurrent }) => isCurrent);
    return isSeen ? { now, completeUntil } : { now, completeUntil, unseen: ALL_LEASE_KINDS };
  }

  /**
   * Who holds an address, as far as this mirror knows ({@link Mirror.status}), by effective expiry on the server's clock, the
   * first to end first. A file overlaps its symbols, a class its methods, a directory and a pattern whatever they cover. That the
   * list is empty may mean that it is not known: {@link Mirror.holding} tells the two apart, and `bus.holders` asks the disk.
   * @throws BusError `bad-option` where the text is no address.
   */
  holders(address: string, options: HoldersOptions = {}): Holder[] {
    return [...this.holding(address, options).holders];
  }

  /**
   * The same, with whether the address is free: `unknown` while the bus is away, or cannot see or read what decides. `at` is the
   * moment in question. @default now, as far as this mirror knows
   */
  holding(address: string, options: HoldersOptions = {}, at = this.moment): AddressHolding {
    checkOptions('holders', options, HOLDERS_OPTIONS);
    const { branch, ...context } = options;
    this.#needLeases();
    const { free, holders } = this.swarm.holders(readAddresses(address, context), at, { branch });
    return { free, holders: holders.map(leaseForm) };
  }

  /**
   * Calls whenever what {@link Mirror.holding} says of an address may be another: at a change of leases or of the connection, and
   * when the first of its leases lapses. Until the returned function is called.
   */
  watchHolding(address: string, options: HoldersOptions, watcher: () => void): () => void {
    this.holding(address, options);
    return this.#waits.watch(address, options, watcher);
  }

  /** All leases that hold, as far as this mirror knows, the first to end first. */
  leases(options: Pick<HoldersOptions, 'branch'> = {}): Holder[] {
    checkOptions('leases', options, LEASES_OPTIONS);
    this.#needLeases();
    return this.swarm.held(this.moment, { branch: options.branch }).map(leaseForm);
  }

  /** What lease a reservation is at this moment, also one that has lapsed or is released; `undefined` where there is none. */
  lease(id: string): Holder | undefined {
    this.#needLeases();
    const lease = this.swarm.lease(id, this.moment);
    return lease && leaseForm(lease);
  }

  /**
   * Runs that hold overlapping addresses, collisions first, as Muse's forecast has them; and operations that exclude one another, as
   * far as the filter lets intents through.
   */
  conflicts(): ConflictForm[] {
    this.#needLeases();
    return this.swarm.conflicts(this.moment).map(conflictForm);
  }

  /**
   * Calls with each conflict that begins from now on, as soon as the second reservation is known, until the returned function is
   * called. Every run that asks is told of the same: whose they are, `parties` say. Costs a look at all leases for each change.
   */
  onConflict(call: (conflict: ConflictForm) => void): () => void {
    this.#needLeases();
    return this.#conflicts.add(call);
  }

  /**
   * Resolves when nobody holds the address, nor anything that it covers: when a bus that can be reached says so of what is on
   * disk now. While it cannot be reached, or does not know, the wait goes on.
   * @throws BusError `closed` where the signal aborts (its reason is the cause) or the mirror is closed; what ended the mirror;
   *   `bad-option` where the text is no address.
   */
  whenFree(address: string, options: WhenFreeOptions = {}): Promise<void> {
    return this.#waits.whenFree(address, options);
  }

  /**
   * Calls with every set of differences until the returned function is called; the set is empty where only leases have changed.
   * What a watcher throws is reported, and touches nobody else. Needs no `this`.
   */
  readonly subscribe = (watcher: (changes: readonly RecordChange[]) => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  close(): Promise<void> {
    this.#ended(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when every view is complete. What ends one of them ends the mirror. */
  async #run(): Promise<void> {
    const complete = (view: RecordView): Promise<void> =>
      new Promise((resolve, reject) => {
        const over = (why: Error): void => {
          this.#ended(why instanceof BusError ? why : undefined);
          reject(why);
        };
        view
          .run(resolve)
          .then(() => whyOver(this.#bus.status, this.#options.signal))
          .then(over, over);
      });
    await Promise.all(this.#views.map(complete));
    this.#on({ is: 'completed' });
    // It may be gone by now.
    this.#heard();
  }

  /** The one place where its state changes. @returns the state before, where it has. */
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
    // Who shows the mirror shows that it has ended.
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
    for (const watcher of [...this.#watchers]) {
      this.#faults.guard('a watcher of a mirror', () => {
        watcher(changes);
      });
    }
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

/**
 * A server that does not say what can be seen says whether all is well. An edge sees what its origin sees: nothing while the origin
 * is away.
 */
function isAllSeen({ state, healthy, origin }: WatchHealth): boolean {
  return origin !== 'away' && (state === undefined ? healthy : state === 'watching');
}
