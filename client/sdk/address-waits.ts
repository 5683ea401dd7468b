import type { Moment, Swarm } from '../../protocol/index.js';
import { readAddresses } from './address.js';
import type { AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { ClientClock } from './clock.js';
import type { Faults } from './faults.js';
import { HOLDERS_OPTIONS, type AddressHolding, type HoldersOptions } from './holders.js';
import { checkOptions, SIGNAL, type OptionTable } from './option-table.js';
import type { BusStatus } from './status.js';

export interface WhenFreeOptions extends HoldersOptions {
  readonly signal?: AbortSignal | undefined;
}

export const WHEN_FREE_OPTIONS: OptionTable<WhenFreeOptions> = { ...HOLDERS_OPTIONS, signal: SIGNAL };

/** What those who wait for an address ask of the client. */
export interface AskedBus {
  readonly clock: ClientClock;
  watchStatus(watcher: (status: BusStatus) => void): () => void;
  holding(address: string, options: HoldersOptions & AskOptions): Promise<AddressHolding>;
}

/** What a wait may be ended by: a change of leases, or that and whatever the bus tells of itself. */
type Change = 'leases' | 'leases or bus';

/** A bus that cannot say whether an address is free is asked again after so long. */
const ASK_AGAIN_MS = 1_000;
/** A timer does not reach further. */
const MAX_WAIT_MS = 60_000;

/** Those who wait until an address is free, or watch who holds it. */
export class AddressWaits {
  readonly #watchers = new Set<() => void>();

  constructor(
    private readonly bus: AskedBus,
    private readonly mirror: { readonly moment: Moment; readonly swarm: Pick<Swarm, 'holders'> },
    /** Aborts when the mirror ends: with what ended it, where it was not closed. */
    private readonly ending: AbortSignal,
    private readonly faults: Faults,
  ) {}

  /** Leases may have changed. */
  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls whenever who holds an address may be another, until the returned function is called. */
  watch(address: string, { branch, ...context }: HoldersOptions, watcher: () => void): () => void {
    const addresses = readAddresses(address, context);
    let cancel: () => void = () => undefined;
    const arm = (): void => {
      cancel();
      const { moment } = this.mirror;
      const endsAt = this.mirror.swarm.holders(addresses, moment, { branch }).holders[0]?.effectiveExpiry;
      if (endsAt !== undefined)
        cancel = this.#after(endsAt < moment.now ? ASK_AGAIN_MS : endsAt - moment.now + 1, told);
    };
    const told = (): void => {
      arm();
      this.faults.guard('a watcher of a mirror', watcher);
    };
    arm();
    const forget = this.#at('leases or bus', told);
    return () => {
      forget();
      cancel();
    };
  }

  /** Resolves when a bus that can be reached says of what is on disk then that nobody holds the address. */
  async whenFree(address: string, options: WhenFreeOptions): Promise<void> {
    checkOptions('whenFree', options, WHEN_FREE_OPTIONS);
    const { signal, ...about } = options;
    const addresses = readAddresses(address, about);
    const signals = AbortSignal.any([this.ending, ...(signal ? [signal] : [])]);
    for (;;) {
      if (this.ending.reason instanceof BusError) throw this.ending.reason;
      if (signals.aborted) {
        const cause: unknown = signal?.aborted ? signal.reason : undefined;
        throw new BusError('closed', `stopped waiting for ${address}`, '', { cause });
      }
      const { moment } = this.mirror;
      const { free, holders } = this.mirror.swarm.holders(addresses, moment, about);
      // Of one whose time has passed the server may not have said that it has ended: it is asked, once no other holds.
      const known = holders.find(({ state }) => state !== 'unknown');
      if (free === 'no' && known) {
        // A sign of life may say that the time is another than was thought, by hours where this host has slept.
        await this.#next((known.effectiveExpiry ?? Infinity) - moment.now + 1, signals, 'leases or bus');
        continue;
      }
      // What changes while the disk is being asked is not missed. A bus that does not know is asked again.
      const turn = new AbortController();
      const changed = this.#next(ASK_AGAIN_MS, AbortSignal.any([signals, turn.signal]), 'leases');
      try {
        if (await this.#isConfirmedFree(address, about, signals)) return;
        await changed;
      } finally {
        turn.abort();
      }
    }
  }

  /** Whether a bus that is there says so, of what is on disk now. */
  async #isConfirmedFree(address: string, about: HoldersOptions, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.bus.holding(address, { ...about, signal })).free === 'yes';
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  #next(delayMs: number, signal: AbortSignal, change: Change): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        forget();
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#after(delayMs, done);
      const forget = this.#at(change, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #at(change: Change, call: () => void): () => void {
    const forget = change === 'leases or bus' ? this.bus.watchStatus(call) : undefined;
    this.#watchers.add(call);
    return () => {
      this.#watchers.delete(call);
      forget?.();
    };
  }

  #after(delayMs: number, call: () => void): () => void {
    return this.bus.clock.after(Math.min(delayMs, MAX_WAIT_MS), call);
  }
}
