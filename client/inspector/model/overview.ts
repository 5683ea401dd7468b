import type { FilterInput, Kind } from '../../../protocol/index.js';

/** What `bus.inspect('overview')` answers: who is connected, and how the server is. */
export interface Overview {
  readonly now: number;
  readonly revision: number;
  readonly epoch: string;
  readonly uptime_ms: number;
  readonly watch: { readonly backend: string; readonly healthy: boolean; readonly last_scan_ms: number } & Figures;
  readonly journal?: Figures | null;
  readonly limits: Readonly<Record<string, number>>;
  readonly connections: readonly Connection[];
  readonly groups: readonly Group[];
  readonly problems: readonly { readonly kind: string; readonly id: string; readonly problem: string }[];
}

/** Further figures, shown as they are. */
export type Figures = Readonly<Record<string, unknown>>;

export interface Connection {
  readonly id: number;
  readonly encoding: string;
  readonly remote: string;
  readonly since_ms: number;
  /** `congested`: what is sent waits, because the client does not read. */
  readonly flow: 'open' | 'congested';
  readonly queued_bytes: number;
  readonly subscriptions: readonly SubscriptionState[];
}

export interface SubscriptionState {
  readonly sub: number;
  readonly filter: FilterInput;
  readonly max_events?: number | null;
  readonly delivered: number;
  readonly state: 'snapshot' | 'replay' | 'lagging' | 'live';
  /** Events between this subscription and the head of the stream. */
  readonly behind: number;
}

export interface Group {
  readonly id: number;
  readonly filter: FilterInput;
  readonly members: number;
  readonly index: number;
}

/** Why a subscription was, or was not, told of a record. */
export interface Explanation {
  readonly verdict: string;
  readonly reasons: readonly string[];
}

/** What `bus.inspect('explain')` is asked. */
export type ExplainParams = { readonly kind: Kind; readonly id: string } & (
  { readonly connection: number; readonly sub: number } | { readonly filter: FilterInput }
);

/** Reads an overview from the wire, leaving out what has another shape; `undefined` for what is no overview at all. */
export function readOverview(value: unknown): Overview | undefined {
  if (!isMap(value) || !Array.isArray(value['connections'])) return undefined;
  const { watch, limits, groups, problems, journal } = value;
  const connections = (value['connections'] as unknown[]).filter(isMap).map((connection) => ({
    ...connection,
    subscriptions: listOf(connection['subscriptions']),
  }));
  return {
    ...value,
    connections,
    watch: { backend: '?', healthy: true, last_scan_ms: 0, ...(isMap(watch) ? watch : {}) },
    journal: isMap(journal) ? journal : null,
    limits: isMap(limits) ? limits : {},
    groups: listOf(groups),
    problems: listOf(problems),
  } as unknown as Overview;
}

export function readExplanation(value: unknown): Explanation | undefined {
  if (!isMap(value) || typeof value['verdict'] !== 'string') return undefined;
  const reasons: unknown = value['reasons'];
  return {
    verdict: value['verdict'],
    reasons: Array.isArray(reasons) ? reasons.map((r) => (typeof r === 'string' ? r : JSON.stringify(r))) : [],
  };
}

/** A filter in words, `kind reservation or intent · branch main`. */
export function describeFilter(filter: FilterInput): string {
  const parts = Object.entries(filter as Readonly<Record<string, unknown>>)
    .filter((entry): entry is [string, string[]] => Array.isArray(entry[1]))
    .map(([field, values]) => `${FIELD_WORDS[field] ?? field} ${values.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(' · ');
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  kinds: 'kind',
  run_ids: 'run',
  branches: 'branch',
  event_types: 'type',
  ids: 'id',
  addresses: 'address',
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly Figures[] => (Array.isArray(value) ? value.filter(isMap) : []);
