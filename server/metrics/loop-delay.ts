import { monitorEventLoopDelay, performance, type EventLoopUtilization, type IntervalHistogram } from 'node:perf_hooks';

/** The interval of samples, milliseconds. Each sample wakes the loop. */
const EVERY_MS = 100;

/** Measures how late the event loop is. Sampling starts at the first `look`, so that it costs nothing if the value is not used. */
export class LoopDelay {
  #histogram: IntervalHistogram | undefined;
  #before: EventLoopUtilization = performance.eventLoopUtilization();

  /** Returns the delays since the last call, in seconds; 0 if there is no sample yet. */
  look(): { readonly p50: number; readonly p99: number; readonly max: number; readonly utilization: number } {
    const histogram = this.#histogram ?? this.#start();
    // A sample is the time between two wake-ups. The part beyond the interval is delay.
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
