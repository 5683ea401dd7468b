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

type Read = () => readonly Line[];

/** Metrics whose values are read only when the text is made. Each server has its own registry. */
export class LazyRegistry {
  constructor(
    private readonly labels: Readonly<Record<string, string>> = {},
    private readonly registry = new Registry(),
    /** What each metric is read from: a metric of several buses has values of each. */
    private readonly reads = new Map<string, Read[]>(),
  ) {}

  /** A view of this registry that adds labels to each value. */
  labelled(labels: Readonly<Record<string, string>>): LazyRegistry {
    return new LazyRegistry({ ...this.labels, ...labels }, this.registry, this.reads);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** Returns all metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
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

  #add(name: string, type: 'gauge' | 'counter' | 'histogram', help: string, readLines: Read): void {
    const { labels } = this;
    const read: Read = () => readLines().map((line) => ({ ...line, labels: { ...labels, ...line.labels } }));
    const known = this.reads.get(name);
    known?.push(read);
    if (known) return;
    const reads = [read];
    this.reads.set(name, reads);
    // The interface that a registry requires of a metric. The library's own classes would keep a second copy of the values.
    const values = (): readonly Line[] => reads.flatMap((readAll) => readAll());
    const metric = { name, help, type, get: () => ({ name, help, type, values: values(), aggregator: 'sum' }) };
    this.registry.registerMetric(metric as unknown as Metric);
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
