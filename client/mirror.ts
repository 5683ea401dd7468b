import { unixMillis, type DataOf, type FilterInput, type Kind, type Problem } from '../protocol/index.js';
import type { BusClient } from './bus-client.js';
import { BusError } from './bus-error.js';
import { LeaseView, type Holder, type HoldersOptions } from './lease-view.js';
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
const LEASES: FilterInput = { kinds: ['reservation', 'heartbeat', 'release'] };
/** A timer does not reach further. */
const LONGEST_WAIT_MS = 60_000;

/**
 * A live local view of the records that match a filter. It is complete when it is given out, stays right over broken
 * connections, and after a resync tells exactly the differences. For React:
 * `useSyncExternalStore(mirror.subscribe, () => mirror.version)`.
 */
export class Mirror implements AsyncDisposable {
  readonly #leases = new LeaseView();
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
      this.#version++;
      for (const watcher of this.#watchers) watcher(changes);
    });
  }

  /** @returns the mirror once it is complete. @throws BusError where the bus refuses the filter. */
  static async open(bus: BusClient, filter: FilterInput = {}): Promise<Mirror> {
    const mirror = new Mirror(bus, filter);
    const leases = new RecordView(bus.subscribe(LEASES, { signal: mirror.#close.signal }), (changes) => {
      mirror.#leases.take(changes, mirror.#now());
      for (const watcher of mirror.#leaseWatchers) watcher();
    });
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

  /**
   * Who holds an address now, by effective expiry on the server's clock, the first to lapse first. A file overlaps each of
   * its symbols: `src/a.py` and `src/a.py::f`.
   */
  holders(address: string, options: HoldersOptions = {}): Holder[] {
    return this.#leases.holders(address, this.#now(), options);
  }

  /** All live leases, by effective expiry on the server's clock, the first to lapse first. */
  leases(options: HoldersOptions = {}): Holder[] {
    return this.#leases.leases(this.#now(), options);
  }

  /** Resolves when nobody holds the address. @throws BusError `closed` where the signal aborts or the mirror is closed. */
  async whenFree(address: string, { branch, signal }: WhenFreeOptions = {}): Promise<void> {
    const signals = AbortSignal.any([this.#close.signal, ...(signal ? [signal] : [])]);
    for (;;) {
      if (signals.aborted) throw new BusError('closed', `stopped waiting for ${address}`, '');
      const [first] = this.holders(address, { branch });
      if (!first) return;
      await this.#nextLeaseChange(first.expires_at, signals);
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
  #nextLeaseChange(expiresAt: string | undefined, signal: AbortSignal): Promise<void> {
    const left = expiresAt === undefined ? Infinity : Date.parse(expiresAt) - this.#now() + 1;
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

  #now() {
    return unixMillis(this.bus.serverNow());
  }
}

function runUntilSynced(view: RecordView): Promise<void> {
  return new Promise((resolve, reject) => {
    view.run(resolve).then(resolve, reject);
  });
}
