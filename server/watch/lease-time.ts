import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';

/** How far the wall clock may run ahead of the monotonic clock between two readings before it is doubted. */
export const JUMP_BOUND_MS = 10_000;
/** How long a doubted wall clock must keep its new time before it is accepted. */
export const ACCEPT_STEP_AFTER_MS = 60_000;

/**
 * If the monotonic clock may go on in a sleep, the clocks are read at least this often: a longer time without a reading is a sleep, or a
 * stop of this process, which look the same.
 */
export const READ_EVERY_MS = 1_000;

/** Why a lease that has run out does not end yet. */
export interface LeaseDelay {
  readonly why: string;
  /** When they wait no longer, Unix milliseconds of the wall clock. */
  readonly untilMs: UnixMillis;
}

/**
 * The time by which leases end: the wall clock, except for a while after it has jumped ahead of the time for which this machine was awake.
 *
 * After a jump ahead, two cases look the same here: the wall clock was set forward, and no lease has run out; or the machine has slept,
 * and leases have run out while no holder could extend them. In both cases it would be wrong to end leases at once. So after a jump
 * ahead of more than {@link JUMP_BOUND_MS}, lease time continues from the last good reading at the pace of the time awake. If the
 * wall clock comes back to lease time, the jump has no effect. If the wall clock keeps its new time for {@link ACCEPT_STEP_AFTER_MS} while the
 * machine is awake, it is accepted. A correction of the clock can arrive in that time, and holders that slept too can send a
 * heartbeat. After such a step, the leases that end look late, so they end only after the files have been compared once more.
 *
 * The time awake is that of the monotonic clock, if it stops while the machine sleeps. On macOS and Windows it goes on. There a time of
 * more than {@link JUMP_BOUND_MS} in which no timer came, however late, does not count.
 *
 * A jump back is accepted at once, because it ends no lease early: a lease lives until the wall clock reaches its expiry, and
 * its holder uses the same clock. No lease becomes immortal, because the clock is read at least once a minute. So if a clock
 * is wrong for less than {@link ACCEPT_STEP_AFTER_MS}, a lease ends at most {@link JUMP_BOUND_MS} early. When a process starts, it accepts
 * the wall clock as it is.
 */
export class LeaseTime {
  #good: { readonly wall: number; readonly awake: number };
  #step: { readonly since: number; readonly aheadMs: number } | undefined;
  #readAt: number;
  /** How far the monotonic clock has gone on while nothing here ran. */
  #asleepMs = 0;

  constructor(private readonly clock: Clock) {
    this.#readAt = clock.elapsed();
    this.#good = { wall: clock.now(), awake: this.#readAt };
  }

  /** The longest time until the clocks must be read again; Infinity if only slow drift has to be followed. */
  get readWithinMs(): number {
    return this.clock.elapsedInSleep === 'may-go-on' ? READ_EVERY_MS : Infinity;
  }

  /** Reads both clocks. To be called at least once a minute: otherwise slow drift adds up to a jump. */
  now(): UnixMillis {
    const wall = this.clock.now();
    const awake = this.#awake();
    const expected = this.#good.wall + (awake - this.#good.awake);
    const aheadMs = wall - expected;
    if (aheadMs <= JUMP_BOUND_MS) return this.#accept(wall, awake);
    const step = this.#step;
    if (step === undefined || Math.abs(aheadMs - step.aheadMs) > JUMP_BOUND_MS) {
      this.#step = { since: awake, aheadMs };
    } else if (awake - step.since >= ACCEPT_STEP_AFTER_MS) {
      return this.#accept(wall, awake);
    }
    // Events carry this time, in whole milliseconds.
    return unixMillis(Math.floor(expected));
  }

  /** The milliseconds until a step of the clock can be accepted; Infinity if there is none. */
  get delayEndsInMs(): number {
    return this.#step ? Math.max(0, this.#step.since + ACCEPT_STEP_AFTER_MS - this.#awake()) : Infinity;
  }

  /** Why leases wait at present, in words; `undefined` if there is none. */
  get delay(): LeaseDelay | undefined {
    // A jump may not have been read yet.
    this.now();
    const step = this.#step;
    if (step === undefined) return undefined;
    const seconds = String(Math.round(step.aheadMs / 1_000));
    const why = `this machine has slept or was stopped for ${seconds} s, or its clock was set ahead: holders get time to extend their leases`;
    return { why, untilMs: unixMillis(Math.ceil(this.clock.now() + this.delayEndsInMs)) };
  }

  /** Milliseconds for which this machine was awake, as far as is known. */
  #awake(): number {
    const elapsed = this.clock.elapsed();
    const passedMs = elapsed - this.#readAt;
    this.#readAt = elapsed;
    if (passedMs > this.readWithinMs + JUMP_BOUND_MS) this.#asleepMs += passedMs - this.readWithinMs;
    return elapsed - this.#asleepMs;
  }

  #accept(wall: number, awake: number): UnixMillis {
    this.#good = { wall, awake };
    this.#step = undefined;
    return unixMillis(wall);
  }
}
