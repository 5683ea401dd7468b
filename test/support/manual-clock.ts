import { ManualClock as SdkClock } from '../../client/sdk/manual-clock.js';
import { unixMillis, type UnixMillis } from '../../protocol/index.js';

/** 2026-03-30T15:00:00Z, the first moment of every manual clock. */
const START = Date.UTC(2026, 2, 30, 15);

/**
 * The clock of `muse-bus/testing`, with what the tests of the bus need beside it: the wall clock can be set, the process can
 * sleep, and work can take time. `advance` also fires the timers that are late.
 */
export class ManualClock extends SdkClock {
  /** How far each call of {@link elapsed} moves the clock, in milliseconds: this is what long work looks like to its own code. */
  lookCostMs = 0;
  #wallOffsetMs = START - super.now();
  /** Timers that have neither fired nor been cancelled. */
  readonly #timers = new Set<() => void>();
  /** Those of {@link #timers} that came due while no timer could fire, the earliest first. */
  readonly #late = new Set<() => void>();
  #canFire = true;

  override now(): UnixMillis {
    return unixMillis(super.now() + this.#wallOffsetMs);
  }

  override elapsed(): number {
    if (this.lookCostMs > 0) this.#passWithoutTimers(this.lookCostMs);
    return super.elapsed();
  }

  override after(delayMs: number, call: () => void): () => void {
    const fire = (): void => {
      if (!this.#canFire) {
        this.#late.add(fire);
        return;
      }
      this.#late.delete(fire);
      this.#timers.delete(fire);
      call();
    };
    this.#timers.add(fire);
    const cancel = super.after(delayMs, fire);
    return () => {
      cancel();
      this.#late.delete(fire);
      this.#timers.delete(fire);
    };
  }

  override advance(ms: number): void {
    for (const fire of this.#late) fire();
    super.advance(ms);
  }

  /** Lets time pass while the process sleeps: the timers that came due fire at the end, all of them late. */
  sleepThrough(ms: number): void {
    this.#passWithoutTimers(ms);
    this.advance(0);
  }

  /** Moves the wall clock; timers do not notice. */
  setWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  #passWithoutTimers(ms: number): void {
    this.#canFire = false;
    super.advance(ms);
    this.#canFire = true;
  }
}
