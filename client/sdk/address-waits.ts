import type { Moment, Swarm } from '../../protocol/index.js';
import { readAddresses } from './address.js';
import { ASK_OPTIONS, within, type AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { ClientClock } from './clock.js';
import type { Faults } from './faults.js';
import { HOLDERS_OPTIONS, type AddressHolding, type HoldersOptions } from './holders.js';
import { checkOptions, type OptionTable } from './option-table.js';
import type { BusStatus } from './status.js';
import { Watchers } from './watchers.js';

/** The options of `mirror.whenFree`: how the address is meant, and what ends the wait. */
export type WhenFreeOptions = HoldersOptions & AskOptions;

export const WHEN_FREE_OPTIONS: OptionTable<WhenFreeOptions> = { ...HOLDERS_OPTIONS, ...ASK_OPTIONS };

/** The part of a client that a wait for an address uses. */
export interface AskedBus {
  readonly clock: ClientClock;
  watchStatus(watcher: (status: BusStatus) => void): () => void;
  holding(address: string, options: HoldersOptions & AskOptions): Promise<AddressHolding>;
}

/** What ends a wait early: a change of leases, or also a change of the client's status. */
type Change = 'leases' | 'leases or bus';

/** The wait before the bus is asked again whether an address is free, if it could not tell. */
const ASK_AGAIN_MS = 1_000;
/** The longest timer; a longer wait checks again after this time. */
const MAX_WAIT_MS = 60_000;

/** Waits until an address is free, and watches of the holders of an address. */
export class AddressWaits {
  readonly #watchers = new Watchers<() => void>();

  constructor(
    private readonly bus: AskedBus,
    private readonly mirror: { readonly moment: Moment; readonly swarm: Pick<Swarm, 'holders'> },
    /** Aborts when the mirror ends; its reason is the `BusError` that ended the mirror, if an error did. */
    private readonly ending: AbortSignal,
    private readonly faults: Faults,
  ) {}

  /** Called when leases may have changed. */
  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Calls `watcher` whenever the holders of an address may have changed, for the last time when the mirror ends. @returns a function that ends this. */
  watch(address: string, { branch, ...context }: HoldersOptions, watcher: () => void): () => void {
    const addresses = readAddresses(address, context);
    if (this.ending.aborted) return () => undefined;
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
    const stop = (): void => {
      forget();
      cancel();
      this.ending.removeEventListener('abort', ended);
    };
    const ended = (): void => {
      stop();
      this.faults.guard('a watcher of a mirror', watcher);
    };
    this.ending.addEventListener('abort', ended, { once: true });
    return stop;
  }

  /** Resolves when a reachable bus confirms, from the records on disk, that the address is free. */
  async whenFree(address: string, options: WhenFreeOptions): Promise<void> {
    checkOptions('whenFree', options, WHEN_FREE_OPTIONS);
    const { signal, timeoutMs, ...about } = options;
    await within({ signal, timeoutMs }, this.bus.clock, `the wait for ${address}`, (over) =>
      this.#untilFree(address, about, AbortSignal.any([this.ending, over])),
    );
  }

  async #untilFree(address: string, about: HoldersOptions, signals: AbortSignal): Promise<void> {
    const addresses = readAddresses(address, about);
    for (;;) {
      if (this.ending.reason instanceof BusError) throw this.ending.reason;
      if (signals.aborted) throw new BusError('closed', `stopped waiting for ${address}`, 'open another mirror');
      const { moment } = this.mirror;
      const { free, holders } = this.mirror.swarm.holders(addresses, moment, about);
      // A lease in state `unknown` is past its end, but the server has not yet said that it ended.
      // The bus is asked about it once no other lease holds.
      const known = holders.find(({ state }) => state !== 'unknown');
      if (free === 'no' && known) {
        // A heartbeat may correct the estimate of the server's time, by hours after this host was suspended.
        await this.#next((known.effectiveExpiry ?? Infinity) - moment.now + 1, signals, 'leases or bus');
        continue;
      }
      // Registered before the question, so that no change during it is missed.
      // If the bus does not know, the timer leads to the next question.
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

  /** Whether the bus confirms, from the records on disk now, that the address is free. */
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
    const remove = this.#watchers.add(call);
    return () => {
      remove();
      forget?.();
    };
  }

  #after(delayMs: number, call: () => void): () => void {
    return this.bus.clock.after(Math.min(delayMs, MAX_WAIT_MS), call);
  }
}
