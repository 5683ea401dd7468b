import {
  FollowedFields,
  conflictForm,
  leaseForm,
  Swarm,
  unixMillis,
  type ConflictForm,
  type DataOf,
  type FilterInput,
  type Kind,
  type Moment,
  type Problem,
  type WatchHealth,
} from '../../protocol/index.js';
import { readAddresses } from './address.js';
import { reasonOf, within, type AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { ClientClock } from './clock.js';
import { ConflictWatch } from './conflict-watch.js';
import type { Faults } from './faults.js';
import { HOLDERS_OPTIONS, type AddressHolding, type Holder, type HoldersOptions } from './holders.js';
import { LEASE_KINDS, planOf, type MirrorPlan } from './mirror-plan.js';
import { CALL, checkOptions, FLAG, milliseconds, SIGNAL, type OptionTable } from './option-table.js';
import { RecordView, type RecordChange, type StandingRecord } from './record-view.js';
import type { BusStatus } from './status.js';
import { checkFilter, type SubscribeOptions } from './subscribe-options.js';
import type { Subscription } from './subscription.js';

/** A record of a known kind in a mirror. */
export interface MirrorRecord<K extends Kind> {
  readonly kind: K;
  readonly id: string;
  readonly data: DataOf<K>;
  /** Of its last transition. */
  readonly revision: number;
  readonly problem: Problem | undefined;
}

/** `signal` and `timeoutMs` bound the wait until the mirror is complete; the signal closes it later, too. */
export interface MirrorOptions extends AskOptions {
  /** Whether it follows who holds what, whatever its filter lets through. @default true */
  readonly leases?: boolean | undefined;
  /** Told once, where an error has ended the mirror. */
  readonly onError?: ((error: BusError) => void) | undefined;
}

export interface WhenFreeOptions extends HoldersOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How far a mirror can be believed. */
export type MirrorStatus =
  /** It follows the bus. */
  | { readonly state: 'live' }
  /** It shows what was so until the bus was lost; what is so now is not known. `since` in Unix milliseconds. */
  | { readonly state: 'unknown'; readonly since: number; readonly cause: string }
  /** It shows what was so when it ended, and changes no more. */
  | { readonly state: 'closed'; readonly error?: BusError };

export const MIRROR_OPTIONS: OptionTable<MirrorOptions> = {
  signal: SIGNAL,
  timeoutMs: milliseconds,
  leases: FLAG,
  onError: CALL,
};
export const WHEN_FREE_OPTIONS: OptionTable<WhenFreeOptions> = { ...HOLDERS_OPTIONS, signal: SIGNAL };
/** All leases are asked for, not those of an address: what an address depends on has no meaning here. */
export const LEASES_OPTIONS: OptionTable<Pick<HoldersOptions, 'branch'>> = { branch: HOLDERS_OPTIONS.branch };

const ALL_LEASE_KINDS: ReadonlySet<Kind> = new Set(LEASE_KINDS);
const ANY_KIND = (): boolean => true;

/** What a mirror asks of its client. */
interface MirrorSource {
  readonly status: BusStatus;
  readonly clock: ClientClock;
  serverNow(): number;
  watchStatus(watcher: (status: BusStatus) => void): () => void;
  subscribe(filter: FilterInput, options: SubscribeOptions): Subscription;
  holding(address: string, options: HoldersOptions & AskOptions): Promise<AddressHolding>;
}

/** A bus that cannot say whether an address is free is asked again after so long. */
const ASK_AGAIN_MS = 1_000;
/** A timer does not reach further. */
const MAX_WAIT_MS = 60_000;

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
  readonly #leaseWatchers = new Set<() => void>();
  readonly #conflictWatches = new Set<ConflictWatch>();
  readonly #views: readonly RecordView[];
  readonly #close = new AbortController();
  readonly #shows: MirrorPlan['shows'];
  /** What heartbeats and releases have from their reservations, where the filter may ask for it. */
  readonly #followed = new FollowedFields();
  readonly #forgetStatus: () => void;
  #settle!: (error: BusError | undefined) => void;
  #end: { readonly error?: BusError } | undefined;
  #lost: { readonly since: number; readonly cause: string } | undefined;
  #version = 0;

  private constructor(bus: MirrorSource, faults: Faults, filter: FilterInput, options: MirrorOptions) {
    this.#bus = bus;
    this.#faults = faults;
    this.#options = options;
    const plan = planOf(filter, options.leases ?? true);
    const { signal } = this.#close;
    this.#shows = plan.shows;
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
    this.#noteStatus(bus.status);
    this.#forgetStatus = bus.watchStatus((status) => {
      this.#noteStatus(status);
    });
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** @returns the mirror once it is complete. @throws BusError where the bus refuses it; nothing of it is left then. */
  static async open(bus: MirrorSource, faults: Faults, filter: FilterInput, options: MirrorOptions): Promise<Mirror> {
    checkFilter(filter);
    checkOptions('mirror', options, MIRROR_OPTIONS);
    return within(options, bus.clock, 'mirror', async (signal) => {
      const mirror = new Mirror(bus, faults, filter, options);
      const abandon = (): void => {
        if (!mirror.#isOpen) mirror.#ended(undefined);
      };
      signal.addEventListener('abort', abandon, { once: true });
      await mirror.#run();
      return mirror;
    });
  }

  #isOpen = false;

  get status(): MirrorStatus {
    if (this.#end) return { state: 'closed', ...this.#end };
    if (!this.#lost) return { state: 'live' };
    const { since, cause } = this.#lost;
    return { state: 'unknown', since, cause };
  }

  /** Grows with every change, of records and of leases: what `useSyncExternalStore` compares. */
  get version(): number {
    return this.#version;
  }

  get<K extends Kind>(kind: K, id: string): MirrorRecord<K> | undefined {
    const record = this.#views[0]!.get(kind, id);
    return (record && this.#isShown(record) ? record : undefined) as MirrorRecord<K> | undefined;
  }

  /** All records of a kind, ordered by id. */
  all<K extends Kind>(kind: K): MirrorRecord<K>[] {
    const all = [...this.#views[0]!.all()].filter((record) => record.kind === kind && this.#isShown(record));
    return (all as unknown as MirrorRecord<K>[]).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The server's clock, and how far what is known reaches. */
  get moment(): Moment {
    const now = unixMillis(this.#bus.serverNow());
    // Never by this clock: a lease ends here when the server has said everything up to its end.
    const completeUntil = unixMillis(Math.min(now, ...this.#views.map(({ provenUntil }) => provenUntil)));
    const { status } = this.#bus;
    const isSeen =
      !this.#lost &&
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
    const { branch, ...context } = options;
    const addresses = readAddresses(address, context);
    let cancel: () => void = () => undefined;
    const arm = (): void => {
      cancel();
      const { moment } = this;
      const endsAt = this.swarm.holders(addresses, moment, { branch }).holders[0]?.effectiveExpiry;
      if (endsAt === undefined) cancel = () => undefined;
      else
        cancel = this.#bus.clock.after(
          endsAt < moment.now ? ASK_AGAIN_MS : Math.min(endsAt - moment.now + 1, MAX_WAIT_MS),
          told,
        );
    };
    const told = (): void => {
      arm();
      this.#faults.guard('a watcher of a mirror', watcher);
    };
    arm();
    this.#leaseWatchers.add(told);
    const forgetStatus = this.#bus.watchStatus(told);
    return () => {
      this.#leaseWatchers.delete(told);
      forgetStatus();
      cancel();
    };
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
    const watch = new ConflictWatch(this.swarm.conflicts(this.moment), call);
    this.#conflictWatches.add(watch);
    return () => this.#conflictWatches.delete(watch);
  }

  /**
   * Resolves when nobody holds the address, nor anything that it covers: when a bus that can be reached says so of what is on
   * disk now. While it cannot be reached, or does not know, the wait goes on.
   * @throws BusError `closed` where the signal aborts (its reason is the cause) or the mirror is closed; what ended the mirror;
   *   `bad-option` where the text is no address.
   */
  async whenFree(address: string, options: WhenFreeOptions = {}): Promise<void> {
    checkOptions('whenFree', options, WHEN_FREE_OPTIONS);
    const { signal, ...about } = options;
    const signals = AbortSignal.any([this.#close.signal, ...(signal ? [signal] : [])]);
    const addresses = readAddresses(address, about);
    for (;;) {
      if (this.#end?.error) throw this.#end.error;
      if (signals.aborted) {
        const cause: unknown = signal?.aborted ? signal.reason : undefined;
        throw new BusError('closed', `stopped waiting for ${address}`, '', { cause });
      }
      const { free, holders } = this.swarm.holders(addresses, this.moment, about);
      // Of one whose time has passed the server may not have said that it has ended: it is asked, once no other holds.
      const known = holders.find(({ state }) => state !== 'unknown');
      if (free === 'no' && known) {
        await this.#nextLeaseChange(known.effectiveExpiry, signals);
        continue;
      }
      // What changes while the disk is being asked is not missed. A bus that does not know is asked again.
      const turn = new AbortController();
      const askAgainAt = this.moment.now + ASK_AGAIN_MS;
      const changed = this.#nextLeaseChange(askAgainAt, AbortSignal.any([signals, turn.signal]));
      try {
        if (await this.#isConfirmedFree(address, about, signals)) return;
        await changed;
      } finally {
        turn.abort();
      }
    }
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
    const complete = this.#views.map(
      (view) =>
        new Promise<void>((resolve, reject) => {
          const over = (error: Error): void => {
            this.#ended(error instanceof BusError ? error : undefined);
            reject(error);
          };
          view.run(resolve).then(() => {
            over(this.#whyOver());
          }, over);
        }),
    );
    await Promise.all(complete);
    this.#isOpen = true;
  }

  /** A subscription that ends without an error ends with its client, or by its signal. */
  #whyOver(): BusError {
    const { status } = this.#bus;
    if (status.state === 'closed' && status.error) return status.error;
    const { signal } = this.#options;
    const cause: unknown = signal?.aborted ? reasonOf(signal) : undefined;
    return new BusError('closed', 'the mirror was closed', 'open another', { cause });
  }

  #ended(error: BusError | undefined): void {
    if (this.#end) return;
    const isFault = error !== undefined && error.code !== 'closed';
    this.#end = isFault ? { error } : {};
    this.#forgetStatus();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#close.abort();
    this.#settle(isFault ? error : undefined);
    const { onError } = this.#options;
    if (!isFault || !this.#isOpen) return;
    this.#faults.guard('onError of a mirror', () => onError?.(error));
    // Who shows the mirror shows that it has ended.
    this.#tell([]);
  }

  readonly #abort = (): void => {
    this.#ended(undefined);
  };

  #noteStatus(status: BusStatus): void {
    if (status.state === 'live') this.#lost = undefined;
    else if (!this.#lost) {
      const cause = 'cause' in status ? (status.cause ?? 'connecting') : status.state;
      this.#lost = { since: this.#bus.clock.now(), cause };
    }
  }

  // ── what it shows ─────────────────────────────────────────────────────────────────────────────────────────────────

  #isShown(record: StandingRecord): boolean {
    return this.#shows?.(record, this.#followed.of(record.kind, record.id)) ?? true;
  }

  #tell(changes: readonly RecordChange[]): void {
    this.#version++;
    for (const watcher of [...this.#leaseWatchers]) watcher();
    this.#tellConflicts();
    for (const watcher of [...this.#watchers]) {
      this.#faults.guard('a watcher of a mirror', () => {
        watcher(changes);
      });
    }
  }

  #tellConflicts(): void {
    if (this.#conflictWatches.size === 0) return;
    const now = this.swarm.conflicts(this.moment);
    for (const watch of [...this.#conflictWatches])
      for (const begun of watch.update(now))
        this.#faults.guard('onConflict of a mirror', () => {
          watch.tell(begun);
        });
  }

  #needLeases(): void {
    if (this.#options.leases !== false) return;
    throw new BusError('bad-option', 'this mirror follows no leases (leases: false)', 'open one that does');
  }

  /** Whether a bus that is there says so, of what is on disk now. */
  async #isConfirmedFree(address: string, about: HoldersOptions, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.#bus.holding(address, { ...about, signal })).free === 'yes';
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  /** A lease was changed, or the first of them may have lapsed. */
  #nextLeaseChange(endsAt: number | undefined, signal: AbortSignal): Promise<void> {
    const left = endsAt === undefined ? Infinity : Math.max(0, endsAt - this.moment.now) + 1;
    return new Promise((resolve) => {
      const done = (): void => {
        this.#leaseWatchers.delete(done);
        signal.removeEventListener('abort', done);
        cancel();
        resolve();
      };
      const cancel = this.#bus.clock.after(Math.min(left, MAX_WAIT_MS), done);
      this.#leaseWatchers.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** @returns the differences in what is shown. */
  #take(changes: readonly RecordChange[], isOurs: (kind: Kind) => boolean): readonly RecordChange[] {
    for (const { before, after } of changes) {
      if (after && isOurs(after.kind)) this.swarm.put(after);
      else if (!after && before && isOurs(before.kind)) this.swarm.drop(before.kind, before.id);
    }
    const shows = this.#shows;
    if (!shows) return changes;
    return changes.flatMap(({ before, after }) => {
      const was = before && this.#isShown(before) ? before : undefined;
      const moves = after ? this.#followed.put(after.kind, after.id, after.data) : [];
      if (!after && before) this.#followed.drop(before.kind, before.id);
      const is = after && this.#isShown(after) ? after : undefined;
      const moved = moves.flatMap(({ kind, id, before: from, followed }) => {
        const record = this.#views[0]!.get(kind, id);
        return record
          ? difference(shows(record, from) ? record : undefined, shows(record, followed) ? record : undefined)
          : [];
      });
      return [...(was || is ? [{ before: was, after: is }] : []), ...moved];
    });
  }
}

/** A server that does not say what can be seen says whether all is well. */
function isAllSeen({ state, healthy }: WatchHealth): boolean {
  return state === undefined ? healthy : state === 'watching';
}

/** Of a record that stayed as it was and is shown now, or is no longer. */
function difference(before: StandingRecord | undefined, after: StandingRecord | undefined): RecordChange[] {
  return (before === undefined) === (after === undefined) ? [] : [{ before, after }];
}
