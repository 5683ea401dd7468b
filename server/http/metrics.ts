import { describeBus } from '../metrics/bus-metrics.js';
import { LazyRegistry } from '../metrics/registry.js';
import type { Route, RouteServices } from './routes.js';

/** `/metrics`, in Prometheus' text format. Built at the first request: who is never asked never pays. */
export function metricsRoute({ bus, loopDelay }: RouteServices): Route {
  let built: LazyRegistry | undefined;
  const build = (): LazyRegistry => {
    const registry = new LazyRegistry();
    describeBus(registry, bus, loopDelay);
    return registry;
  };
  return () => {
    const registry = (built ??= build());
    return {
      status: 200,
      headers: { 'content-type': registry.contentType },
      filler: '\n',
      open: (writer) => {
        void registry.text().then((text) => {
          writer.write(Buffer.from(text));
          writer.end();
        });
        return { drained: () => undefined, closed: () => undefined };
      },
    };
  };
}
