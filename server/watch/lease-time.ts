import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';

/** How far the wall clock may run ahead of the monotonic one between two looks before it is doubted. */
export const JUMP_BOUND_MS = 10_000;
/** How long a doubted wall clock must keep to its new time before it is believed. */
export const DOUBT_MS = 60_000;

/**
 * The time by which leases end: the wall clock, except for a while after it has jumped ahead.
 *
 * Seen from here, two things look the same, because the monotonic clock stands still while a machine sleeps: the wall
 * clock was set forward, and nothing has run out; or the machine has slept, and leases have run out while no holder could
 * prolong them. Either way it would be wrong to end leases at once. So after a jump ahead of more than
 * {@link JUMP_BOUND_MS}, lease time goes on from the last good moment at the pace of the monotonic clock. If the wall
 * clock comes back to it, nothing has happened. If it keeps to its new time for {@link DOUBT_MS}, awake, it is believed:
 * that is how long a correction has to arrive, and how long holders that slept too have to beat again; and because such
 * a step makes the leases that then end look late, they end only after the files have been read once more.
 *
 * A jump back is believed at once, since that ends no lease early: leases live on until the wall clock reaches their
 * expiry, by which their holders go too. It makes none immortal, because nobody sleeps long without looking at the clock.
 * So a lease ends at most {@link JUMP_BOUND_MS} early by a clock that is wrong for less than {@link DOUBT_MS}. A process
 * takes the wall clock as it finds it when it starts.
 */
export class LeaseTime {
  #good: { readonly wall: number; readonly elapsed: number };
  #doubt: { readonly since: number; readonly aheadMs: number } | undefined;

  constructor(private readonly clock: Clock) {
    this.#good = { wall: clock.now(), elapsed: clock.elapsed() };
  }

  /** Looks at both clocks. To be called at least every minute, or slow drift adds up to a jump. */
  now(): UnixMillis {
    const wall = this.clock.now();
    const elapsed = this.clock.elapsed();
    const expected = this.#good.wall + (elapsed - this.#good.elapsed);
    const aheadMs = wall - expected;
    if (aheadMs <= JUMP_BOUND_MS) return this.#believe(wall, elapsed);
    const doubt = this.#doubt;
    if (doubt === undefined || Math.abs(aheadMs - doubt.aheadMs) > JUMP_BOUND_MS) {
      this.#doubt = { since: elapsed, aheadMs };
    } else if (elapsed - doubt.since >= DOUBT_MS) {
      return this.#believe(wall, elapsed);
    }
    // Events carry it, and what they carry is whole milliseconds.
    return unixMillis(Math.floor(expected));
  }

  /** Milliseconds until a doubt can end; Infinity where there is none. */
  get doubtEndsInMs(): number {
    return this.#doubt ? Math.max(0, this.#doubt.since + DOUBT_MS - this.clock.elapsed()) : Infinity;
  }

  #believe(wall: number, elapsed: number): UnixMillis {
    this.#good = { wall, elapsed };
    this.#doubt = undefined;
    return unixMillis(wall);
  }
}
