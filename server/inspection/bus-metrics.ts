import { EVENT_TYPES, KINDS, VERSION, type ResyncReason } from '../../protocol/index.js';
import type { Session } from '../sessions/session.js';
import type { ServedBus } from './served-bus.js';
import type { RepositoryWatch } from '../watch/repository-watch.js';
import type { LoopDelay } from '../metrics/loop-delay.js';
import type { LazyRegistry, Sample } from '../metrics/registry.js';

/** Adds all metrics of a bus to a registry, which reads their values when it is asked. */
export function describeBus(registry: LazyRegistry, bus: ServedBus): void {
  // An edge that has no records yet has no hub, and one that begins again has another.
  if (bus.isRunning) {
    describeEvents(registry, bus);
    describeDelivery(registry, bus);
    describeRecords(registry, bus);
  }
  registry.gauge('ready', 'Whether the server may be given clients, as /readyz says.', () =>
    bus.readiness.ready ? 1 : 0,
  );
  bus.describe(registry);
  registry.counter(
    'unforeseen_total',
    'Unexpected errors. Each is a line "unforeseen" in the log, or counted in a later one.',
    () => bus.supervisor.count,
  );
}

function describeEvents(registry: LazyRegistry, bus: ServedBus): void {
  const { traffic } = bus;
  registry.counter('events_total', 'Transitions observed, by kind and type.', () =>
    KINDS.flatMap((kind, k) =>
      EVENT_TYPES.map((type, t) => ({ labels: { kind, type }, value: traffic.events[k]![t]! })).filter(
        ({ labels }) => labels.type !== 'snapshot',
      ),
    ),
  );
  registry.gauge('revision', 'The last revision given to a transition.', () => bus.hub.revision);
  registry.gauge('history_events', 'Events that can be replayed.', () => bus.hub.history.size);
  registry.gauge('history_bytes', 'Approximate bytes that those events keep in memory.', () => bus.hub.history.bytes);
  registry.gauge('journal_state', '1 for the state that the journal is in.', () => [
    { labels: { state: bus.inspector.journalState }, value: 1 },
  ]);
  registry.histogram('ingest_seconds', 'From the hint that a file changed to the event.', traffic.ingestMs);
  registry.histogram(
    'file_age_seconds',
    "From a file's last change, by its own time, to the published event.",
    traffic.fileAgeMs,
  );
}

function describeDelivery(registry: LazyRegistry, bus: ServedBus): void {
  const { traffic } = bus;
  registry.histogram(
    'delivery_seconds',
    "Handing one turn's events to every live subscription that they match.",
    traffic.deliveryMs,
  );
  registry.counter('delivered_events_total', 'Events handed to sockets, to live or lagging subscriptions.', () => [
    { labels: { path: 'live' }, value: bus.hub.fanOut.delivered },
    { labels: { path: 'behind' }, value: bus.hub.deliveredBehind },
  ]);
  registry.counter('resyncs_total', 'Subscriptions that received resync, by reason.', () =>
    (Object.entries(bus.hub.resyncs) as [ResyncReason, number][]).map(([reason, value]) => ({
      labels: { reason },
      value,
    })),
  );
  registry.gauge(
    'connections',
    'Connections, including event streams over HTTP, by whether their queue accepts more.',
    () =>
      count(bus.sessions, (session) => (session.port.state === 'open' ? 'open' : 'congested'), 'flow', [
        'open',
        'congested',
      ]),
  );
  registry.gauge('subscriptions', 'Subscriptions, by state.', () => subscriptionStates(bus.sessions));
  registry.gauge('queued_bytes', 'Bytes in the queues of all sockets.', () => {
    let bytes = 0;
    for (const { port } of bus.sessions) bytes += port.socket.queuedBytes;
    return bytes;
  });
  registry.gauge(
    'connection_behind_events',
    'Revisions still to be sent to a connection, for those that are furthest behind, by number and name.',
    () => furthestBehind(bus.sessions, bus.hub.revision),
  );
  registry.counter(
    'stalls_total',
    'Connections that waited for their socket although the queue was empty: must stay 0.',
    () => bus.hub.stalls,
  );
  registry.gauge('groups', 'Distinct filters and encodings subscribed to.', () => bus.hub.fanOut.groupCount);
}

function describeRecords(registry: LazyRegistry, bus: ServedBus): void {
  registry.gauge('records', 'Current records, by kind.', () =>
    KINDS.map((kind) => ({ labels: { kind }, value: bus.hub.store.count(kind) })),
  );
  registry.gauge('problems', 'Files that cannot be read as records, by problem.', () =>
    count(bus.hub.store.problems, ({ problem }) => problem!, 'problem', []),
  );
}

/** Adds the metrics of the watch that keeps a store up to date with the files. */
export function describeWatching(registry: LazyRegistry, watch: RepositoryWatch): void {
  registry.gauge('watch_healthy', 'Whether every directory is being watched and can be seen, by mechanism.', () => {
    const { backend, healthy } = watch.health;
    return [{ labels: { backend }, value: healthy ? 1 : 0 }];
  });
  registry.gauge('watch_state', '1 for the state that the watch is in.', () => [
    { labels: { state: watch.health.state ?? 'watching' }, value: 1 },
  ]);
  registry.gauge('hints_pending', 'Hints whose files have not been read.', () => watch.backlog.pending);
  registry.gauge('files_unsettled', 'Files that cannot be read yet.', () => watch.backlog.unsettled);
  registry.gauge(
    'last_scan_timestamp_seconds',
    'When everything was last compared with the directories.',
    () => watch.health.last_scan_ms / 1_000,
  );
  registry.counter(
    'reconciles_total',
    'Comparisons of everything with the directories.',
    () => watch.reconciles.rounds,
  );
  registry.counter(
    'reconcile_busy_seconds_total',
    'Time that these comparisons have taken in the event loop.',
    () => watch.reconciles.busyMs / 1_000,
  );
  registry.gauge(
    'reconcile_last_seconds',
    'How long the last comparison of everything took.',
    () => watch.reconciles.lastMs / 1_000,
  );
}

/** Adds what the process says about itself, once for all that it serves. */
export function describeProcess(registry: LazyRegistry, delay: LoopDelay): void {
  registry.gauge('info', 'Always 1.', () => [{ labels: { version: VERSION, node: process.versions.node }, value: 1 }]);
  let seen = delay.look();
  registry.gauge('loop_delay_seconds', 'How late the event loop was since the last look.', () => {
    seen = delay.look();
    const { p50, p99, max } = seen;
    return Object.entries({ p50, p99, max }).map(([quantile, value]) => ({ labels: { quantile }, value }));
  });
  registry.gauge(
    'loop_utilization',
    'Share of time the event loop was busy since the last look.',
    () => seen.utilization,
  );
  registry.process('resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
  registry.process('cpu_seconds_total', 'counter', 'User and system CPU time spent in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.process(
    'start_time_seconds',
    'gauge',
    'Start time of the process since unix epoch in seconds.',
    () => (Date.now() - process.uptime() * 1_000) / 1_000,
  );
}

function subscriptionStates(sessions: Iterable<Session>): Sample[] {
  function* states(): Generator<string> {
    for (const { subscriber } of sessions) for (const { state } of subscriber.subscriptions) yield state.at;
  }
  return count(states(), (state) => state, 'state', ['live', 'lagging', 'replay', 'snapshot']);
}

/** Bounds the number of series. */
const MAX_BEHIND_LISTED = 20;

function furthestBehind(sessions: Iterable<Session>, now: number): Sample[] {
  const behind: { readonly session: Session; readonly value: number }[] = [];
  for (const session of sessions) {
    let value = 0;
    for (const { state } of session.subscriber.subscriptions) {
      if (state.at === 'lagging' || state.at === 'replay') value = Math.max(value, now - state.after);
    }
    if (value > 0) behind.push({ session, value });
  }
  behind.sort((a, b) => b.value - a.value);
  return behind.slice(0, MAX_BEHIND_LISTED).map(({ session: { id, name = '' }, value }) => ({
    labels: { connection: String(id), name },
    value,
  }));
}

/** Counts the items under each name. The names in `always` are listed even with 0 items. */
function count<T>(items: Iterable<T>, nameOf: (item: T) => string, label: string, always: readonly string[]): Sample[] {
  const found = new Map<string, number>(always.map((name) => [name, 0]));
  for (const item of items) {
    const name = nameOf(item);
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return [...found].map(([name, value]) => ({ labels: { [label]: name }, value }));
}
