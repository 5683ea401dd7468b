import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';

/** How far the wall clock may run ahead of the monotonic clock between two readings before it is doubted. */
export const JUMP_BOUND_MS = 10_000;
/** How long a doubted wall clock must keep its new time before it is accepted. */
export const DOUBT_MS = 60_000;

/**
 * The time by which leases end: the wall clock, except for a while after it has jumped ahead.
 *
 * The monotonic clock stops while a machine sleeps. So two cases look the same here: the wall clock was set forward, and no
 * lease has run out; or the machine has slept, and leases have run out while no holder could extend them. In both cases it
 * would be wrong to end leases at once. So after a jump ahead of more than {@link JUMP_BOUND_MS}, lease time continues from
 * the last good reading at the pace of the monotonic clock. If the wall clock comes back to lease time, the jump has no
 * effect. If the wall clock keeps its new time for {@link DOUBT_MS} while the machine is awake, it is accepted. A correction
 * of the clock can arrive in that time, and holders that slept too can send a heartbeat. After such a step, the leases that
 * end look late, so they end only after the files have been compared once more.
 *
 * A jump back is accepted at once, because it ends no lease early: a lease lives until the wall clock reaches its expiry, and
 * its holder uses the same clock. No lease becomes immortal, because the clock is read at least once a minute. So if a clock
 * is wrong for less than {@link DOUBT_MS}, a lease ends at most {@link JUMP_BOUND_MS} early. When a process starts, it accepts
 * the wall clock as it is.
 */
export class LeaseTime {
  #good: { readonly wall: number; readonly elapsed: number };
  #doubt: { readonly since: number; readonly aheadMs: number } | undefined;

  constructor(private readonly clock: Clock) {
    this.#good = { wall: clock.now(), elapsed: clock.elapsed() };
  }

  /** Reads both clocks. To be called at least once a minute: otherwise slow drift adds up to a jump. */
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
    // Events carry this time, in whole milliseconds.
    return unixMillis(Math.floor(expected));
  }

  /** The milliseconds until a doubt can end; Infinity if there is no doubt. */
  get doubtEndsInMs(): number {
    return this.#doubt ? Math.max(0, this.#doubt.since + DOUBT_MS - this.clock.elapsed()) : Infinity;
  }

  #believe(wall: number, elapsed: number): UnixMillis {
    this.#good = { wall, elapsed };
    this.#doubt = undefined;
    return unixMillis(wall);
  }
}
