import { describeBus, describeProcess } from '../../inspection/bus-metrics.js';
import type { ServedBus } from '../../inspection/served-bus.js';
import { LazyRegistry } from '../../metrics/registry.js';
import type { HttpWriter } from '../transport.js';
import { readQuery } from './query.js';
import type { Route, RouteServices } from './route.js';

/** A bus, and the labels that tell its metrics from those of others in the same text. */
export interface MeasuredBus {
  readonly bus: ServedBus;
  readonly labels: Readonly<Record<string, string>>;
}

/** Returns the route `/metrics`, in Prometheus' text format. The metrics are built at the first request: an unused route costs nothing. */
export function metricsRoute(
  measuredNow: () => readonly MeasuredBus[],
  { limits, loopDelay }: Pick<RouteServices, 'limits' | 'loopDelay'>,
): Route {
  let text: MetricsText | undefined;
  let wereMeasured: readonly MeasuredBus[] = [];
  let wereRunning = 0;
  const build = (measured: readonly MeasuredBus[]): MetricsText => {
    const registry = new LazyRegistry();
    for (const { bus, labels } of measured) describeBus(registry.labelled(labels), bus);
    describeProcess(registry, loopDelay);
    return new MetricsText(registry);
  };
  return (request) => {
    readQuery(request.query, [], limits);
    // A bus that has no records yet has fewer metrics.
    const measured = measuredNow();
    const running = measured.filter(({ bus }) => bus.isRunning).length;
    if (running !== wereRunning || measured !== wereMeasured) text = undefined;
    [wereRunning, wereMeasured] = [running, measured];
    const metrics = (text ??= build(measured));
    return {
      status: 200,
      headers: { 'content-type': metrics.contentType },
      filler: '\n',
      open: (writer) => {
        metrics.write(writer);
        return {
          drained: () => undefined,
          closed: () => {
            metrics.forget(writer);
          },
        };
      },
    };
  };
}

/** Makes the text once for all requests that arrived since the last time, so that many requests at once cost as much as one. */
class MetricsText {
  #asking = new Set<HttpWriter>();
  #isMaking = false;

  constructor(private readonly registry: LazyRegistry) {}

  get contentType(): string {
    return this.registry.contentType;
  }

  write(writer: HttpWriter): void {
    this.#asking.add(writer);
    this.#make();
  }

  forget(writer: HttpWriter): void {
    this.#asking.delete(writer);
  }

  #make(): void {
    if (this.#isMaking) return;
    this.#isMaking = true;
    setImmediate(() => {
      const asking = this.#asking;
      this.#asking = new Set();
      void this.#answer(asking).finally(() => {
        this.#isMaking = false;
        if (this.#asking.size > 0) this.#make();
      });
    });
  }

  async #answer(asking: ReadonlySet<HttpWriter>): Promise<void> {
    // The head has been sent, so an error cannot change the status. The body is then empty.
    const bytes = Buffer.from(await this.registry.text().catch(() => ''));
    for (const writer of asking) {
      writer.write(bytes);
      writer.end();
    }
  }
}
