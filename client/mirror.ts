import {
  leaseForm,
  Swarm,
  unixMillis,
  type DataOf,
  type FilterInput,
  type Kind,
  type Moment,
  type Problem,
} from '../protocol/index.js';
import { readAddresses } from './address.js';
import type { BusClient } from './bus-client.js';
import { BusError } from './bus-error.js';
import type { Holder, HoldersOptions } from './holders.js';
import { RecordView, type RecordChange } from './record-view.js';

/** A record of a known kind in a mirror. */
export interface MirrorRecord<K extends Kind> {
  readonly kind: K;
  readonly id: string;
  readonly data: DataOf<K>;
  /** Of its last transition. */
  readonly revision: number;
  readonly problem: Problem | undefined;
}

export interface WhenFreeOptions extends HoldersOptions {
  readonly signal?: AbortSignal;
}

/** What decides who holds what; a mirror follows all of it, whatever its own filter lets through. */
const LEASE_KINDS: readonly Kind[] = ['reservation', 'heartbeat', 'release'];
/** A timer does not reach further. */
const LONGEST_WAIT_MS = 60_000;

/**
 * A live local view of the records that match a filter. It is complete when it is given out, stays right over broken
 * connections, and after a resync tells exactly the differences. For React:
 * `useSyncExternalStore(mirror.subscribe, () => mirror.version)`.
 */
export class Mirror implements AsyncDisposable {
  /**
   * The model of what it follows: all leases, and of the rest what its filter lets through. To be asked at {@link moment}.
   */
  readonly swarm = new Swarm();
  readonly #watchers = new Set<(changes: readonly RecordChange[]) => void>();
  readonly #leaseWatchers = new Set<() => void>();
  readonly #view: RecordView;
  readonly #close = new AbortController();
  #version = 0;

  private constructor(
    private readonly bus: BusClient,
    filter: FilterInput,
  ) {
    const { signal } = this.#close;
    this.#view = new RecordView(bus.subscribe(filter, { signal }), (changes) => {
      this.#take(changes, (kind) => !LEASE_KINDS.includes(kind));
      this.#version++;
      for (const watcher of this.#watchers) watcher(changes);
    });
  }

  /** @returns the mirror once it is complete. @throws BusError where the bus refuses the filter. */
  static async open(bus: BusClient, filter: FilterInput = {}): Promise<Mirror> {
    const mirror = new Mirror(bus, filter);
    const leases = new RecordView(
      bus.subscribe({ kinds: LEASE_KINDS }, { signal: mirror.#close.signal }),
      (changes) => {
        mirror.#take(changes, () => true);
        for (const watcher of mirror.#leaseWatchers) watcher();
      },
    );
    await Promise.all([runUntilSynced(mirror.#view), runUntilSynced(leases)]);
    return mirror;
  }

  /** Grows with every change: what `useSyncExternalStore` compares. */
  get version(): number {
    return this.#version;
  }

  get<K extends Kind>(kind: K, id: string): MirrorRecord<K> | undefined {
    return this.#view.get(kind, id) as MirrorRecord<K> | undefined;
  }

  /** All records of a kind, ordered by id. */
  all<K extends Kind>(kind: K): MirrorRecord<K>[] {
    const records = [...this.#view.all()].filter((record) => record.kind === kind) as unknown as MirrorRecord<K>[];
    return records.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The server's clock, and how far what is known reaches. */
  get moment(): Moment {
    return { now: unixMillis(this.bus.serverNow()) };
  }

  /**
   * Who holds an address now, by effective expiry on the server's clock, the first to end first. A file overlaps its symbols, a
   * class its methods, a directory and a pattern whatever they cover.
   * @throws BusError `bad-option` where the text is no address.
   */
  holders(address: string, { branch, ...context }: HoldersOptions = {}): Holder[] {
    return this.swarm.holders(readAddresses(address, context), this.moment, { branch }).holders.map(leaseForm);
  }

  /** All leases that hold, by effective expiry on the server's clock, the first to end first. */
  leases({ branch }: HoldersOptions = {}): Holder[] {
    return this.swarm.held(this.moment, { branch }).map(leaseForm);
  }

  /**
   * Resolves when nobody holds the address, nor anything that it covers. @throws BusError `closed` where the signal aborts or the
   * mirror is closed, `bad-option` where the text is no address.
   */
  async whenFree(address: string, { signal, branch, ...context }: WhenFreeOptions = {}): Promise<void> {
    const addresses = readAddresses(address, context);
    const signals = AbortSignal.any([this.#close.signal, ...(signal ? [signal] : [])]);
    for (;;) {
      if (signals.aborted) throw new BusError('closed', `stopped waiting for ${address}`, '');
      const { free, holders } = this.swarm.holders(addresses, this.moment, { branch });
      if (free === 'yes') return;
      await this.#nextLeaseChange(holders[0]?.effectiveExpiry, signals);
    }
  }

  /** Calls with every set of differences until the returned function is called. Needs no `this`. */
  readonly subscribe = (watcher: (changes: readonly RecordChange[]) => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  close(): Promise<void> {
    this.#close.abort();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
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
      const cancel = this.bus.clock.after(Math.min(left, LONGEST_WAIT_MS), done);
      this.#leaseWatchers.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #take(changes: readonly RecordChange[], isOurs: (kind: Kind) => boolean): void {
    for (const { before, after } of changes) {
      if (after && isOurs(after.kind)) this.swarm.put(after);
      else if (!after && before && isOurs(before.kind)) this.swarm.drop(before.kind, before.id);
    }
  }
}

function runUntilSynced(view: RecordView): Promise<void> {
  return new Promise((resolve, reject) => {
    view.run(resolve).then(resolve, reject);
  });
}
