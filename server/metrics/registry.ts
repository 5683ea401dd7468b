import { Registry, type Metric } from 'prom-client';
import type { PlainHistogram } from './plain-histogram.js';

/** A value with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Line extends Sample {
  /** The name in the text, if it is not the metric's own. */
  readonly metricName?: string;
}

const PREFIX = 'muse_bus_';

/** Metrics whose values are read only when the text is made. Each server has its own registry. */
export class LazyRegistry {
  readonly #registry = new Registry();

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Returns all metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  gauge(name: string, help: string, read: () => number | readonly Sample[]): void {
    this.#add(PREFIX + name, 'gauge', help, () => asSamples(read()));
  }

  /** @param name ends in `_total`. */
  counter(name: string, help: string, read: () => number | readonly Sample[]): void {
    this.#add(PREFIX + name, 'counter', help, () => asSamples(read()));
  }

  /** @param name ends in `_seconds`; the histogram counts in milliseconds. */
  histogram(name: string, help: string, histogram: PlainHistogram): void {
    this.#add(PREFIX + name, 'histogram', help, () => histogramLines(PREFIX + name, histogram));
  }

  /** Adds one of the standard metrics of a process, under its usual name. */
  process(name: string, type: 'gauge' | 'counter', help: string, read: () => number): void {
    this.#add(`process_${name}`, type, help, () => asSamples(read()));
  }

  #add(name: string, type: 'gauge' | 'counter' | 'histogram', help: string, read: () => readonly Line[]): void {
    // The interface that a registry requires of a metric. The library's own classes would keep a second copy of the values.
    const metric = { name, help, type, get: () => ({ name, help, type, values: read(), aggregator: 'sum' }) };
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}

function asSamples(read: number | readonly Sample[]): readonly Sample[] {
  return typeof read === 'number' ? [{ value: read }] : read;
}

function histogramLines(name: string, { bounds, counts, sum, count }: PlainHistogram): Line[] {
  let below = 0;
  const buckets = bounds.map((bound, i): Line => {
    below += counts[i]!;
    return { metricName: `${name}_bucket`, labels: { le: String(bound / 1_000) }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, value: sum / 1_000 },
    { metricName: `${name}_count`, value: count },
  ];
}
