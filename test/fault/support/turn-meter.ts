import { PerformanceObserver } from 'node:perf_hooks';

/** The time of one turn of the loop, in milliseconds. */
export interface Turn {
  /**
   * An upper bound of the program's own work: the processor time of the whole process, or the elapsed time without the garbage
   * collector's pauses, whichever is less. The first includes other threads, the second other work on the machine.
   */
  readonly workMs: number;
  /** How long the garbage collector stopped the program. */
  readonly collectorMs: number;
}

interface Ended {
  readonly from: number;
  readonly until: number;
  readonly cpuMs: number;
}

/** Shorter turns are not recorded. */
const SHORT_MS = 1;

/** Measures every turn of the loop, from one `setImmediate` to the next; that keeps a core busy. */
export class TurnMeter {
  #turns: Ended[] = [];
  #pauses: { readonly at: number; readonly ms: number }[] = [];

  constructor() {
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) this.#pauses.push({ at: startTime, ms: duration });
    }).observe({ entryTypes: ['gc'] });
    this.#measure(process.cpuUsage(), performance.now());
  }

  /** Returns the 50 longest turns since the last call, the longest first. */
  take(): Turn[] {
    const turns = this.#turns.map(({ from, until, cpuMs }) => {
      const within = this.#pauses.filter(({ at }) => at >= from && at < until);
      const collectorMs = within.reduce((sum, { ms }) => sum + ms, 0);
      return { workMs: Math.min(cpuMs, until - from - collectorMs), collectorMs };
    });
    this.#turns = [];
    this.#pauses = [];
    return turns.sort((a, b) => b.workMs - a.workMs).slice(0, 50);
  }

  #measure(before: NodeJS.CpuUsage, from: number): void {
    setImmediate(() => {
      const until = performance.now();
      const { user, system } = process.cpuUsage(before);
      if (until - from > SHORT_MS) this.#turns.push({ from, until, cpuMs: (user + system) / 1e3 });
      this.#measure(process.cpuUsage(), performance.now());
    });
  }
}
