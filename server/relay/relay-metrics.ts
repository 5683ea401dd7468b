import type { WatchHealth } from '../../protocol/index.js';
import type { PlainHistogram } from '../metrics/plain-histogram.js';
import type { LazyRegistry, Sample } from '../metrics/registry.js';
import type { BrokerContact } from './broker-contact.js';
import type { EdgeCondition } from './edge-condition.js';
import { TOLD_EDGE_STATES, type ToldEdgeState } from './edge-stream-state.js';
import type { OriginRelay } from './origin-relay.js';
import { TOLD_STATES } from './publisher-state.js';
import type { Rejections } from './rejections.js';

/** The parts of an edge that its metrics read. */
export interface RelayedBus {
  readonly presence: { readonly isPresent: boolean };
  readonly condition: Pick<EdgeCondition, 'contact' | 'staleMs'>;
  readonly state: ToldEdgeState;
  readonly health: WatchHealth;
  readonly lagMs: PlainHistogram;
  readonly behind: number;
  readonly sequence: number;
  readonly rebuilds: number;
  readonly rejected: Rejections;
}

/** One series a state, so that an alert can ask for a state that is not. */
const states = <State extends string>(all: readonly State[], now: State): Sample[] =>
  all.map((state) => ({ labels: { state }, value: state === now ? 1 : 0 }));

const byWhy = (counts: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(counts).map(([why, value]) => ({ labels: { why }, value }));

/** Adds the metrics of an edge: its way through the stream, the presence of its origin, and how far behind it the edge is. */
export function describeRelayedBus(registry: LazyRegistry, bus: RelayedBus): void {
  const { condition } = bus;
  registry.gauge('edge_state', 'What the edge does with the stream: 1 for the state that is, 0 for each other.', () =>
    states(TOLD_EDGE_STATES, bus.state),
  );
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
  registry.gauge('relay_staleness_seconds', 'How old the records may be; NaN while that is not known.', () =>
    condition.staleMs === undefined ? NaN : condition.staleMs / 1_000,
  );
  registry.gauge(
    'relay_behind_events',
    "Events that the origin's last heartbeat includes and that have not arrived.",
    () => bus.behind,
  );
  registry.gauge('relay_sequence', 'The last message of the stream that was read.', () => bus.sequence);
  registry.counter('relay_rebuilds_total', 'How often the records were built from the stream.', () => bus.rebuilds);
  registry.counter('relay_rejected_total', 'Messages of the stream that were rejected, by reason.', () =>
    byWhy(bus.rejected),
  );
  describeContact(registry, condition.contact);
}

/** Adds the metrics of an origin's publishing. */
export function describeOriginRelay(registry: LazyRegistry, relay: OriginRelay): void {
  registry.gauge('relay_state', 'Publishing to NATS: 1 for the state that is, 0 for each other.', () =>
    states(['connecting', ...TOLD_STATES], relay.health.state),
  );
  registry.gauge('relay_behind_events', 'Events that NATS does not have yet.', () => relay.health.behind);
  registry.gauge(
    'relay_behind_seconds',
    'How long the oldest of them has been waiting; 0 if none waits.',
    () => relay.health.behindMs / 1_000,
  );
  registry.gauge('relay_sequence', 'The last message that the stream has stored.', () => relay.health.sequence);
  registry.counter('relay_published_total', 'Messages handed to NATS.', () => relay.published);
  registry.counter('relay_claims_total', 'How often the stream was claimed.', () => relay.health.claims);
  registry.counter('relay_failures_total', 'Claims and messages that failed, by the state that they led to.', () =>
    byWhy(relay.health.failures),
  );
  describeContact(registry, relay.contact);
}

function describeContact(registry: LazyRegistry, contact: BrokerContact): void {
  registry.gauge('nats_connected', 'Whether NATS is connected.', () => (contact.isUp ? 1 : 0));
  registry.counter(
    'nats_reconnects_total',
    'How often NATS was found again after it was lost.',
    () => contact.reconnects,
  );
}
