import { holdersCommand } from './copied-command.js';
import { SILENT_AFTER_MS } from './agents.js';
import { describeIntent, isHistory, isOfContent, recordKey, recordProblems } from '../../../protocol/index.js';
import { formatBytes, formatSince, formatSpan, plural } from './format.js';
import { isHeld, isListed, type Lease } from './lease.js';
import { LAPSING_WITHIN_MS, on, short, where, type Attention, type Situation } from './matter.js';
import { clientName, type Connection, type Overview } from './overview.js';
import type { Severity } from './severity.js';
import { silentHolders } from './silent-holders.js';
import { unseenOf } from '../../sdk/unseen.js';
import { momentAt, swarmOf } from './swarm-of.js';
import { visible, visibleMiddle } from './visible.js';

/** A shorter silence is not reported, however short the lease is. */
const MIN_SILENCE_MS = 5_000;
const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };

/** A record need not say whose it is. */
const UNNAMED = 'an unnamed run';

/** Returns the matters that a person should look at, the most urgent first. */
export function attentionOf(situation: Situation): Attention[] {
  return [
    ...silentHolders(situation),
    ...contested(situation),
    ...lapsing(situation),
    ...lapsed(situation),
    ...unprotectedIntents(situation),
    ...cycles(situation),
    ...problems(situation),
    ...busMatters(situation),
  ].sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.weight - a.weight || (a.key < b.key ? -1 : 1));
}

function contested({ contests }: Situation): Attention[] {
  return contests.map(({ address, conflict: { type, severity, parties } }) => {
    const branches = [...new Set(parties.map(({ branch }) => branch ?? ''))];
    const link = { view: 'symbols', target: { type: 'address', address } } as const;
    const runs = parties.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const command = holdersCommand(address);
    const about =
      type === 'operation_conflict' ? 'operation conflict' : severity === 'merge-risk' ? 'merge risk' : 'collision';
    const subject = short(address);
    const matter = { key: `contest ${type} ${address}`, about, subject, link, runs, command } as const;
    if (type === 'operation_conflict') {
      const intentions = parties.map(
        ({ run, operation }) => `${short(run ?? UNNAMED)} intends to ${short(operation ?? 'change it')}`,
      );
      const text = `${intentions.slice(0, 3).join(', ')}: ${short(address)}`;
      return { ...matter, severity: 'critical', weight: 950 + parties.length, text };
    }
    const names = parties.map(({ run }) => short(run ?? UNNAMED));
    const others = `${String(names.length - 1)} others`;
    const who = `${names[0]!} and ${names.length === 2 ? names[1]! : others}`;
    if (severity === 'merge-risk') {
      const text = `${who} hold ${short(address)} on ${String(branches.length)} branches: merging them may conflict`;
      return { ...matter, severity: 'warning', weight: 400 + parties.length, text };
    }
    const text = `${who} hold ${short(address)}${branches.length === 1 ? on(branches[0]!) : ''} at the same time`;
    return { ...matter, severity: 'critical', weight: 1_000 + parties.length, text };
  });
}

/** A run is too silent if it has caused no event for half of its lease, at least five and at most ninety seconds. */
function lapsing({ agents, nowMs }: Situation): Attention[] {
  return agents.flatMap(({ run, silentMs = Infinity, leases }) => {
    const next = leases.find(isHeld);
    if (next?.endMs === undefined) return [];
    const leftMs = next.endMs - nowMs;
    const maxSilenceMs = Math.min(SILENT_AFTER_MS, Math.max(MIN_SILENCE_MS, (next.endMs - next.renewedMs) / 2));
    // Of a lease that has run out and is held, the end is unknown.
    if (leftMs > LAPSING_WITHIN_MS || leftMs <= 0 || silentMs < maxSilenceMs) return [];
    return {
      key: `lapsing ${next.key}`,
      about: 'lapsing',
      subject: short(run),
      severity: leftMs <= 20_000 && silentMs >= SILENT_AFTER_MS ? 'critical' : 'warning',
      weight: 500 - leftMs / 1_000,
      text: `${short(run)} ${silenceOf(silentMs)} and holds a lease on ${where(next)}`,
      endMs: next.endMs,
      link: { view: 'agents', target: { type: 'run', run } },
      runs: [run],
      command: ['watch', '--run-id', run],
    };
  });
}

/** Only after {@link SILENT_AFTER_MS} is a run called silent, here as everywhere. */
const silenceOf = (silentMs: number): string =>
  !Number.isFinite(silentMs)
    ? 'was never heard from'
    : silentMs >= SILENT_AFTER_MS
      ? `has been silent for ${formatSpan(silentMs)}`
      : `was last heard from ${formatSince(silentMs)}`;

/** A lease that lapsed long ago needs no attention. */
export const isRecentlyLapsed = (lease: Lease, nowMs: number): boolean =>
  lease.state === 'lapsed' && isListed(lease, nowMs);

/** Reports lapsed leases, except those that an intent names: {@link unprotectedIntents} reports them. */
function lapsed({ replayed, leases, nowMs }: Situation): Attention[] {
  const intended = new Set(
    swarmOf(replayed)
      .intents(momentAt(replayed, nowMs))
      .map(({ reservationName }) => reservationName),
  );
  return leases
    .filter((lease) => isRecentlyLapsed(lease, nowMs) && !intended.has(lease.lease.name))
    .map((lease) => ({
      key: `lapsed ${lease.key}`,
      about: 'lapsed',
      subject: short(lease.run),
      severity: 'info',
      weight: 100 - (nowMs - lease.endMs!) / 1_000,
      text: `The lease of ${short(lease.run)} on ${where(lease)} lapsed ${formatSince(nowMs - lease.endMs!)} and was never released`,
      link: { view: 'stream', target: { type: 'record', key: lease.key } },
      runs: [lease.run],
      command: ['get', 'reservations', '--run-id', lease.run],
    }));
}

/** Reports announced work that no lease protects, or no longer protects. Older work is history, and work that waits is not begun. */
function unprotectedIntents({ replayed, leases, waits, nowMs }: Situation): Attention[] {
  const moment = momentAt(replayed, nowMs);
  const waiting = new Set(waits.flatMap(({ waiters }) => waiters.map(({ record }) => record)));
  const byName = new Map(leases.map((lease) => [lease.lease.name, lease]));
  return swarmOf(replayed)
    .intents(moment)
    .flatMap((intent) => {
      const { id, state, run = UNNAMED, reservationName } = intent;
      const lease = reservationName === undefined ? undefined : byName.get(reservationName);
      const isLapsed = state.is === 'done' && state.because === 'lapsed' && lease && isRecentlyLapsed(lease, nowMs);
      const isGone = state.is === 'done' && state.because === 'gone' && !isHistory(intent.createdAt, moment);
      if ((state.is !== 'unprotected' && !isLapsed && !isGone) || waiting.has(recordKey('intent', id))) return [];
      const what = visibleMiddle(describeIntent(intent) ?? id, 48);
      const why = isLapsed
        ? `its lease lapsed ${formatSince(nowMs - (lease.endMs ?? nowMs))}`
        : 'no reservation protects it';
      return {
        key: `intent ${id}`,
        about: 'intent',
        subject: short(run),
        severity: 'warning',
        weight: 200 + (replayed.get('intent', id)?.revision ?? 0) / 1e9,
        text: `${short(run)} intends to ${what}, but ${why}`,
        link: { view: 'stream', target: { type: 'record', key: recordKey('intent', id) } },
        runs: [run],
        command: ['get', 'intents', '--run-id', run],
      };
    });
}

function cycles({ replayed }: Situation): Attention[] {
  return swarmOf(replayed)
    .dependencyCycles()
    .map((cycle) => ({
      key: `cycle ${cycle.join(' ')}`,
      about: 'cycle',
      subject: short(cycle[0]!),
      severity: 'critical',
      weight: 900,
      text: `${[...cycle, cycle[0]!]
        .slice(0, 6)
        .map((name) => visibleMiddle(name, 16))
        .join(' → ')} wait for one another, so none can begin`,
      link: { view: 'stream', query: 'kind:dependency' },
      runs: [],
      command: ['get', 'dependencies'],
    }));
}

function problems({ replayed }: Situation): Attention[] {
  return Object.values(replayed.byKind).flatMap((records) =>
    [...records.values()]
      .filter(({ problem }) => problem !== undefined)
      .map(({ key, kind, id, data, problem }) => ({
        key: `problem ${key}`,
        about: 'problem' as const,
        subject: `${kind} ${short(id)}`,
        severity: 'warning' as const,
        weight: 300,
        text: isOfContent(problem!)
          ? `The ${kind} ${short(id)} has invalid fields: ${visible(recordProblems({ kind, id, data, problem }).join('; '), 160)}`
          : `The file of ${kind} ${short(id)} cannot be read as a record: ${problem!}`,
        link: { view: 'stream', target: { type: 'record', key } } as const,
        runs: [],
        command: ['doctor'],
      })),
  );
}

function busMatters({ overview }: Situation): Attention[] {
  if (!overview) return [];
  const link = { view: 'bus' } as const;
  const unhealthy: Attention[] = overview.watch.healthy
    ? []
    : [
        {
          key: 'watch',
          about: 'watch',
          subject: overview.watch.backend,
          severity: 'critical',
          weight: 800,
          text: describeWatch(overview.watch),
          link,
          runs: [],
          command: ['doctor'],
        },
      ];
  return [
    ...unhealthy,
    ...overview.connections
      .filter((connection) => isBehind(connection, overview.now))
      .map((connection): Attention => ({
        key: `behind ${String(connection.id)}`,
        about: 'client',
        subject: clientName(connection),
        severity: 'warning',
        weight: 250,
        text: `Client ${clientName(connection)} does not keep up: ${describeLag(connection)}`,
        link,
        runs: [],
      })),
  ];
}

const describeWatch = (watch: Overview['watch']): string =>
  `The bus cannot see all files, so what it shows may be outdated: ${unseenOf(watch)?.why ?? watch.backend}`;

/** A client that has just connected reads what there is. */
const READS_FOR_MS = 5_000;

const isBehind = ({ flow, subscriptions, since_ms }: Connection, nowMs: number): boolean =>
  nowMs - since_ms >= READS_FOR_MS && (flow === 'congested' || subscriptions.some(({ state }) => state === 'lagging'));

const describeLag = ({ queued_bytes, subscriptions }: Connection): string => {
  const behind = Math.max(0, ...subscriptions.map((subscription) => subscription.behind));
  return `${plural(behind, 'event')} behind, ${formatBytes(queued_bytes)} queued`;
};
