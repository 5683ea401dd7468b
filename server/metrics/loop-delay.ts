import { monitorEventLoopDelay, performance, type EventLoopUtilization, type IntervalHistogram } from 'node:perf_hooks';

/** How often the loop is sampled, milliseconds: each sample wakes it. */
const EVERY_MS = 100;

/** How late the loop is. Sampled from the first look on, so that nobody pays for what nobody looks at. */
export class LoopDelay {
  #histogram: IntervalHistogram | undefined;
  #before: EventLoopUtilization = performance.eventLoopUtilization();

  /** Since the last look. Seconds; 0 where there is no sample yet. */
  look(): { readonly p50: number; readonly p99: number; readonly max: number; readonly utilization: number } {
    const histogram = this.#histogram ?? this.#start();
    // A sample is the time between two wakings: what is beyond the interval is delay.
    const delay = (ns: number): number => (histogram.count === 0 ? 0 : Math.max(0, ns / 1e9 - EVERY_MS / 1e3));
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#before);
    const found = {
      p50: delay(histogram.percentile(50)),
      p99: delay(histogram.percentile(99)),
      max: delay(histogram.max),
      utilization,
    };
    this.#before = now;
    histogram.reset();
    return found;
  }

  stop(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }

  #start(): IntervalHistogram {
    const histogram = monitorEventLoopDelay({ resolution: EVERY_MS });
    histogram.enable();
    return (this.#histogram = histogram);
  }
}
