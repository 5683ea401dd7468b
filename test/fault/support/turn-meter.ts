import { PerformanceObserver } from 'node:perf_hooks';

/** What one turn of the loop has taken, milliseconds. */
export interface Turn {
  /**
   * At most what the program's own work has taken: the processor time of the whole process, or the time from end to end
   * without the collector's pauses, whichever is less. The one counts other threads too, the other what else the machine did.
   */
  readonly workMs: number;
  /** How long the collector stopped the program. */
  readonly collectorMs: number;
}

interface Ended {
  readonly from: number;
  readonly until: number;
  readonly cpuMs: number;
}

/** Shorter turns are not remembered. */
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

  /** The longest turns since the last look, the longest first. */
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
