import type { Agent } from './agents.js';
import { SILENT_AFTER_MS } from './agents.js';
import type { Contest } from './contention.js';
import { dependencyCycles } from './cycles.js';
import { textOf } from './entry.js';
import { formatBytes, formatSince, formatSpan, plural } from './format.js';
import type { Lease } from './lease.js';
import type { Connection, Overview } from './overview.js';
import type { Link } from './target.js';
import { visibleMiddle } from './visible.js';
import type { World } from './world.js';

/** `critical`: work is being lost or about to be. `warning`: soon, if nothing happens. `note`: worth a look. */
export type Severity = 'critical' | 'warning' | 'note';

export interface Attention {
  /** Equal for the same matter from one moment to the next. */
  readonly key: string;
  readonly severity: Severity;
  /** One sentence in plain words. */
  readonly text: string;
  /** Orders matters of one severity, the greatest first. */
  readonly weight: number;
  readonly link: Link;
}

export interface Situation {
  readonly world: World;
  readonly leases: readonly Lease[];
  readonly agents: readonly Agent[];
  readonly contests: readonly Contest[];
  readonly overview: Overview | undefined;
  readonly nowMs: number;
}

/** A lease that ends within this is about to lapse. */
export const LAPSING_WITHIN_MS = 60_000;
/** Silence shorter than this is no matter, however short the lease. */
const SHORTEST_SILENCE_MS = 5_000;
const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, note: 2 };

/** What a person should look at, the most pressing first. */
export function attentionOf(situation: Situation): Attention[] {
  return [
    ...contested(situation),
    ...lapsing(situation),
    ...lapsed(situation),
    ...unprotectedIntents(situation),
    ...cycles(situation),
    ...problems(situation),
    ...busMatters(situation),
  ].sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.weight - a.weight || (a.key < b.key ? -1 : 1));
}

const short = (text: string): string => visibleMiddle(text, 48);
const on = (branch: string): string => (branch === '' ? '' : ` on ${short(branch)}`);

function contested({ contests }: Situation): Attention[] {
  return contests.map(({ address, branch, leases }) => {
    const runs = leases.map(({ run }) => short(run));
    const who = runs.length === 2 ? `${runs[0]!} and ${runs[1]!}` : `${runs[0]!} and ${String(runs.length - 1)} others`;
    return {
      key: `contest ${branch} ${address}`,
      severity: 'critical',
      weight: 1_000 + leases.length,
      text: `${who} hold ${short(address)}${on(branch)} at the same time`,
      link: { view: 'symbols', target: { type: 'address', address } },
    };
  });
}

/** Silence is measured against the lease: half of it passed without a beat, or ninety seconds. */
function lapsing({ agents, nowMs }: Situation): Attention[] {
  return agents.flatMap(({ run, silentMs = Infinity, leases }) => {
    const next = leases.find(({ state }) => state === 'active');
    if (next?.endMs === undefined) return [];
    const leftMs = next.endMs - nowMs;
    const patienceMs = Math.min(SILENT_AFTER_MS, Math.max(SHORTEST_SILENCE_MS, (next.endMs - next.renewedMs) / 2));
    if (leftMs > LAPSING_WITHIN_MS || silentMs < patienceMs) return [];
    const silence = Number.isFinite(silentMs) ? `silent for ${formatSpan(silentMs)}` : 'never heard of';
    return {
      key: `lapsing ${next.key}`,
      severity: leftMs <= 20_000 && silentMs >= SILENT_AFTER_MS ? 'critical' : 'warning',
      weight: 500 - leftMs / 1_000,
      text: `${short(run)} is ${silence}, with a lease on ${where(next)} that ends in ${leftMs < 1_000 ? 'less than a second' : formatSpan(leftMs)}`,
      link: { view: 'agents', target: { type: 'run', run } },
    };
  });
}

/** Where an intent still stands, that is the matter, and is said by {@link unprotectedIntents}. */
function lapsed({ world, leases, nowMs }: Situation): Attention[] {
  const intended = new Set([...world.byKind.intent.values()].map(({ data }) => textOf(data, 'reservation_id')));
  return leases
    .filter(({ state, endMs, name }) => state === 'lapsed' && endMs !== undefined && !intended.has(name))
    .map((lease) => ({
      key: `lapsed ${lease.key}`,
      severity: 'note',
      weight: 100 - (nowMs - lease.endMs!) / 1_000,
      text: `The lease of ${short(lease.run)} on ${where(lease)} lapsed ${formatSince(nowMs - lease.endMs!)} and was never released`,
      link: { view: 'stream', target: { type: 'record', key: lease.key } },
    }));
}

const where = ({ addresses, branch }: Lease): string => {
  const more = addresses.length > 1 ? ` and ${String(addresses.length - 1)} more` : '';
  return `${short(addresses[0] ?? 'no address')}${more}${on(branch)}`;
};

/** An intent whose reservation was released is done; one whose reservation lapsed or never was is not protected. */
function unprotectedIntents({ world, leases, nowMs }: Situation): Attention[] {
  const byName = new Map(leases.map((lease) => [lease.name, lease]));
  const holding = new Set(leases.filter(({ state }) => state === 'active').map(({ run }) => run));
  return [...world.byKind.intent.values()].flatMap((intent) => {
    const name = textOf(intent.data, 'reservation_id');
    const run = textOf(intent.data, 'run_id') ?? '';
    const lease = name === undefined ? undefined : byName.get(name);
    const state = lease?.state;
    if (state === 'active' || state === 'released' || state === 'none') return [];
    if (name === undefined && holding.has(run)) return [];
    const what = visibleMiddle(textOf(intent.data, 'detail') ?? intent.id, 48);
    const why =
      state === 'lapsed'
        ? `its lease lapsed ${formatSince(nowMs - (lease?.endMs ?? nowMs))}`
        : 'no reservation stands behind it';
    return {
      key: `intent ${intent.id}`,
      severity: 'warning',
      weight: 200 + intent.revision / 1e9,
      text: `${short(run)} intends to ${what}, but ${why}`,
      link: { view: 'stream', target: { type: 'record', key: intent.key } },
    };
  });
}

function cycles({ world }: Situation): Attention[] {
  return dependencyCycles(world).map((cycle) => ({
    key: `cycle ${cycle.join(' ')}`,
    severity: 'critical',
    weight: 900,
    text: `${[...cycle, cycle[0]!]
      .slice(0, 6)
      .map((name) => visibleMiddle(name, 16))
      .join(' → ')} wait for one another, so none can begin`,
    link: { view: 'stream', query: 'kind:dependency' },
  }));
}

function problems({ world }: Situation): Attention[] {
  return Object.values(world.byKind).flatMap((records) =>
    [...records.values()]
      .filter(({ problem }) => problem !== undefined)
      .map(({ key, kind, id, problem }) => ({
        key: `problem ${key}`,
        severity: 'warning' as const,
        weight: 300,
        text: `The file of ${kind} ${short(id)} cannot be read as a record: ${problem!}`,
        link: { view: 'stream', target: { type: 'record', key } } as const,
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
          severity: 'critical',
          weight: 800,
          text: describeWatch(overview.watch),
          link,
        },
      ];
  return [
    ...unhealthy,
    ...overview.connections.filter(isBehind).map((connection): Attention => ({
      key: `behind ${String(connection.id)}`,
      severity: 'warning',
      weight: 250,
      text: `Client ${String(connection.id)} does not keep up: ${describeLag(connection)}`,
      link,
    })),
  ];
}

const describeWatch = ({ backend, why }: Overview['watch']): string =>
  why === undefined
    ? `The bus watches by ${backend} and is not well`
    : `The bus does not see all files, what it shows may be old: ${why}`;

const isBehind = ({ flow, subscriptions }: Connection): boolean =>
  flow === 'congested' || subscriptions.some(({ state }) => state === 'lagging');

const describeLag = ({ queued_bytes, subscriptions }: Connection): string => {
  const behind = Math.max(0, ...subscriptions.map((subscription) => subscription.behind));
  return `${plural(behind, 'event')} behind, ${formatBytes(queued_bytes)} wait for it`;
};
