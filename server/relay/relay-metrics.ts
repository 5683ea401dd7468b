import type { WatchHealth } from '../../protocol/index.js';
import type { PlainHistogram } from '../metrics/plain-histogram.js';
import type { OriginRelay } from './origin-relay.js';
import type { LazyRegistry } from '../metrics/registry.js';

/** The parts of an edge that its metrics read. */
export interface RelayedBus {
  readonly presence: { readonly isPresent: boolean };
  readonly health: WatchHealth;
  readonly lagMs: PlainHistogram;
  readonly behind: number;
  readonly rebuilds: number;
}

/** Adds the metrics of an edge: the presence of its origin, and how far behind it the edge is. */
export function describeRelayedBus(registry: LazyRegistry, bus: RelayedBus): void {
  registry.gauge('origin_present', "Whether the origin's heartbeats arrive.", () => (bus.presence.isPresent ? 1 : 0));
  registry.gauge(
    'watch_healthy',
    'Whether the origin watches every directory, by its mechanism; 0 while it is away.',
    () => {
      const { backend, healthy } = bus.health;
      return [{ labels: { backend }, value: healthy ? 1 : 0 }];
    },
  );
  registry.histogram('relay_lag_seconds', "From an event's time at the origin to its publication here.", bus.lagMs);
  registry.gauge(
    'relay_behind_events',
    "Events that the origin's last heartbeat includes and that have not arrived.",
    () => bus.behind,
  );
  registry.counter('relay_rebuilds_total', 'How often the records were built from the stream.', () => bus.rebuilds);
}

/** Adds the metrics of an origin's publishing. */
export function describeOriginRelay(registry: LazyRegistry, relay: OriginRelay): void {
  registry.gauge('relay_state', '1 for the state of publishing to NATS.', () => [
    { labels: { state: relay.health.state }, value: 1 },
  ]);
  registry.gauge('relay_behind_events', 'Events that NATS does not have yet.', () => relay.health.behind);
  registry.counter('relay_published_total', 'Messages handed to NATS.', () => relay.published);
}
