import { unixMillis, type ClockReading, type UnixMillis } from '../../protocol/index.js';

/** The time and the timers, passed in so that tests can replace them. */
export interface Clock {
  /** The wall clock. */
  now(): UnixMillis;
  /** Milliseconds since a fixed moment, by a monotonic clock, which is never set back or forward. */
  elapsed(): number;
  /**
   * What {@link elapsed} does while the machine sleeps. If it may go on, a sleep shows only as a long time without a reading.
   * @default 'stops'
   */
  readonly elapsedInSleep?: 'stops' | 'may-go-on';
  /** Calls once after `delayMs`, which is capped at `MAX_DELAY_MS`. @returns a function that cancels the call. */
  after(delayMs: number, call: () => void): () => void;
  /** Calls once in the next turn of the event loop, after its poll phase. @returns a function that cancels the call. */
  nextTurn(call: () => void): () => void;
}

/** Resolves after `delayMs`. */
export const delay = (clock: Pick<Clock, 'after'>, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });

/** Resolves in the next turn of the event loop, after its poll phase. */
export const nextTurn = (clock: Pick<Clock, 'nextTurn'>): Promise<void> =>
  new Promise((resolve) => {
    clock.nextTurn(resolve);
  });

/** Calls again and again, first after one interval. @returns a function that ends this. */
export function every(clock: Pick<Clock, 'after'>, intervalMs: number, call: () => void): () => void {
  let cancel: () => void;
  const schedule = (): void => {
    cancel = clock.after(intervalMs, () => {
      schedule();
      call();
    });
  };
  schedule();
  return () => {
    cancel();
  };
}

/** Returns both readings of this moment. */
export const readClocks = (clock: Clock): ClockReading => ({ wall: clock.now(), elapsed: clock.elapsed() });

/** The longest delay of a timer. Node fires timers beyond 2^31 − 1 ms at once, and no caller here waits longer than a day. */
const MAX_DELAY_MS = 86_400_000;

/**
 * On Linux libuv reads CLOCK_MONOTONIC, which stands still in a sleep. On macOS it reads `mach_continuous_time`, on Windows the performance
 * counter, and both go on. Of the other systems it is not known.
 */
export const elapsedInSleepOn = (platform: NodeJS.Platform): NonNullable<Clock['elapsedInSleep']> =>
  platform === 'linux' || platform === 'android' ? 'stops' : 'may-go-on';

export const systemClock: Clock = {
  now: () => unixMillis(Date.now()),
  elapsed: () => performance.now(),
  elapsedInSleep: elapsedInSleepOn(process.platform),
  after: (delayMs, call) => {
    const timer = setTimeout(call, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return () => {
      clearTimeout(timer);
    };
  },
  nextTurn: (call) => {
    const turn = setImmediate(call);
    return () => {
      clearImmediate(turn);
    };
  },
};
