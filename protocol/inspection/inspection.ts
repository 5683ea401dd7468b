import { parseFilter } from '../filter/parse-filter.js';
import { ProtocolError } from '../wire/errors.js';
import { type Filter, type FilterInput, type FilterLimits } from '../filter/filter.js';
import { kindFromName, KINDS, type Kind } from '../records/kinds.js';
import type { RecordField } from '../filter/matcher.js';
import type { CompleteReason, ResyncReason } from '../wire/subscription-terms.js';
import type { WatchHealth } from '../wire/watch-health.js';
import { closestMatch } from '../closest-match.js';
import type { JsonObject } from '../records/record.js';
import type { Problem } from '../records/problem.js';
import type { Encoding } from '../wire/encoding.js';
import { utf8Bytes } from '../utf8.js';

/** What a server can be asked about itself. */
export const INSPECTION_TOPICS = ['overview', 'explain'] as const;
export type InspectionTopic = (typeof INSPECTION_TOPICS)[number];

/** What is asked on a topic, and what is answered. */
export interface Inspections {
  readonly overview: { readonly params: OverviewParams; readonly answer: Overview };
  readonly explain: { readonly params: ExplainParams; readonly answer: Explanation };
}

// ── overview ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface OverviewParams {
  /** The most connections, subscriptions (of all connections together), groups and problems to list. 1…10 000, @default 1 000 */
  readonly limit?: number;
}

/** The server as it stands. Lists hold at most `limit` entries; `totals` counts all there are. Times are Unix milliseconds. */
export interface Overview {
  readonly now: number;
  readonly revision: number;
  readonly epoch: string;
  readonly uptime_ms: number;
  /** The id of the connection that asks, where one does. */
  readonly you: number | null;
  /** `pending`: hints not acted upon; `unsettled`: files that cannot be read yet. */
  readonly watch: WatchHealth & { readonly pending: number; readonly unsettled: number };
  /** `state` is `off` without a journal; what else there is depends on the journal. */
  readonly journal: JsonObject & { readonly state: string };
  readonly limits: Readonly<Record<string, number>>;
  readonly totals: {
    readonly records: number;
    readonly connections: number;
    readonly subscriptions: number;
    /** Subscriptions that are not live. */
    readonly behind: number;
    readonly groups: number;
    readonly problems: number;
    /** Connections that waited for a socket with nothing left to take: a fault, so that it must be 0. */
    readonly stalls: number;
  };
  readonly connections: readonly ConnectionView[];
  readonly groups: readonly GroupView[];
  readonly problems: readonly { readonly kind: Kind; readonly id: string; readonly problem: Problem }[];
}

export interface ConnectionView {
  readonly id: number;
  /** What the client calls itself; nil where it has not said. */
  readonly name: string | null;
  readonly encoding: Encoding;
  /** Address of the other end; empty inside a process. */
  readonly remote: string;
  /** When it was opened. */
  readonly since_ms: number;
  /** `congested`: its socket takes no more for now. */
  readonly flow: 'open' | 'congested';
  readonly queued_bytes: number;
  readonly subscription_count: number;
  readonly subscriptions: readonly SubscriptionView[];
}

export interface SubscriptionView {
  readonly sub: number;
  readonly group: number;
  readonly filter: Filter;
  /** nil where there is no cap. */
  readonly max_events: number | null;
  readonly delivered: number;
  readonly state: 'snapshot' | 'replay' | 'lagging' | 'live';
  /** Records of the snapshot, or revisions, that are still to be looked at for it. */
  readonly behind: number;
}

export interface GroupView {
  readonly id: number;
  readonly filter: Filter;
  readonly encoding: Encoding;
  /** Live subscriptions. */
  readonly members: number;
  /** Number of the next event that matches. */
  readonly index: number;
}

// ── explain ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ExplainParams {
  /** The connection of the subscription. @default the one that asks */
  readonly connection?: number;
  /** Why was it, or was it not, delivered to this subscription? */
  readonly sub?: number;
  /** Or: would it match this filter? */
  readonly filter?: FilterInput;
  /** The record; may be left out where a revision says which. */
  readonly kind?: string;
  readonly id?: string;
  /** The transition. @default the record's last one */
  readonly revision?: number;
}

/**
 * `pending`: it will be delivered, but the subscription is not there yet. `unknown`: there is no such record, connection
 * or subscription, or what is asked about is no longer known.
 */
export const VERDICTS = ['delivered', 'not delivered', 'pending', 'would match', 'would not match', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What decided; every code has its line in PROTOCOL.md. */
export const EXPLAIN_CODES = [
  'filter-field',
  'matched',
  'entered-filter',
  'left-filter',
  'in-snapshot',
  'before-subscription',
  'snapshot-under-way',
  'replay-under-way',
  'lagging',
  'cap-reached',
  'unsubscribed',
  'resync',
  'compacted',
  'not-yet',
  'other-record',
  'no-such-record',
  'no-such-subscription',
] as const;
export type ExplainCode = (typeof EXPLAIN_CODES)[number];

export interface ExplainReason {
  readonly code: ExplainCode;
  /** In plain words. */
  readonly text: string;
  /** With `filter-field`: what was asked of which field, and what the record or event has there. */
  readonly field?: RecordField | 'event_types';
  readonly wanted?: readonly string[];
  readonly found?: readonly string[];
}

export interface Explanation {
  readonly verdict: Verdict;
  readonly reasons: readonly ExplainReason[];
  /** The transition that was judged, where it is known. */
  readonly revision?: number;
  /** How the subscription ended or last began anew, where it did. */
  readonly ended?: CompleteReason;
  readonly resync?: ResyncReason;
}

/** An {@link ExplainParams} with nothing left to check. */
export interface ExplainQuestion {
  readonly about:
    | { readonly is: 'filter'; readonly filter: Filter }
    | { readonly is: 'subscription'; readonly connection: number | undefined; readonly sub: number };
  readonly record: { readonly kind: Kind; readonly id: string } | undefined;
  readonly revision: number | undefined;
}

// ── reading what is asked ───────────────────────────────────────────────────────────────────────────────────────────

/** A question as it came, with nothing left to check. */
export type Inspection =
  | { readonly topic: 'overview'; readonly limit: number }
  | { readonly topic: 'explain'; readonly question: ExplainQuestion };

type Params = Readonly<Record<string, unknown>>;

const DEFAULT_LIST = 1_000;
const MAX_LIST = 10_000;

const refuse = (text: string): never => {
  throw new ProtocolError('bad-option', text);
};

export const INSPECTION_PARAMETERS: Readonly<
  Record<InspectionTopic, { known: readonly string[]; read(params: Params, limits: FilterLimits): Inspection }>
> = {
  overview: { known: ['limit'], read: ({ limit }) => ({ topic: 'overview', limit: readLimit(limit) }) },
  explain: {
    known: ['connection', 'sub', 'filter', 'kind', 'id', 'revision'],
    read: (params, limits) => ({ topic: 'explain', question: readQuestion(params, limits) }),
  },
};

/** Reads a topic and its parameters. @throws ProtocolError `bad-option`, naming what is wrong and what is meant. */
export function readInspection(topic: unknown, params: unknown, limits: FilterLimits): Inspection {
  const known = INSPECTION_TOPICS.find((name) => name === topic);
  if (known === undefined) return refuse(`inspect: the topic must be one of ${INSPECTION_TOPICS.join(', ')}`);
  if (params != null && (typeof params !== 'object' || Array.isArray(params))) {
    return refuse(`inspect ${known}: the parameters must be a map`);
  }
  const given = (params ?? {}) as Params;
  const reader = INSPECTION_PARAMETERS[known];
  for (const name of Object.keys(given)) {
    if (reader.known.includes(name)) continue;
    const best = closestMatch(name, reader.known);
    const hint = best === undefined ? `there are ${reader.known.join(', ')}` : `did you mean ${best}?`;
    refuse(`inspect ${known} has no parameter ${JSON.stringify(name.slice(0, 40))}; ${hint}`);
  }
  return reader.read(given, limits);
}

function readLimit(value: unknown): number {
  return value == null ? DEFAULT_LIST : readInteger('limit', value, 1, MAX_LIST);
}

function readQuestion(params: Params, limits: FilterLimits): ExplainQuestion {
  const { connection, sub, filter, kind, id, revision } = params;
  if ((sub == null) === (filter == null)) return refuse('explain: give either sub or filter');
  if (filter != null && connection != null) return refuse('explain: a filter is of no connection; give sub with it');
  if (kind == null && id == null && revision == null) return refuse('explain: give kind and id, or revision');
  return {
    about:
      filter == null
        ? {
            is: 'subscription',
            connection: connection == null ? undefined : readInteger('connection', connection, 0, MAX_UINT32),
            sub: readInteger('sub', sub, 0, MAX_UINT32),
          }
        : { is: 'filter', filter: parseFilter(filter, limits) },
    record: kind == null && id == null ? undefined : readRecordName(kind, id, limits),
    revision: revision == null ? undefined : readInteger('revision', revision, 1, Number.MAX_SAFE_INTEGER),
  };
}

const MAX_UINT32 = 0xffffffff;

function readInteger(name: string, value: unknown, low: number, high: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value;
  return refuse(`inspect: ${name} must be an integer from ${String(low)} to ${String(high)}`);
}

function readRecordName(kind: unknown, id: unknown, limits: FilterLimits): { kind: Kind; id: string } {
  const known = typeof kind === 'string' ? kindFromName(kind) : undefined;
  if (!known) return refuse(`explain: kind must be one of ${KINDS.join(', ')}`);
  if (typeof id !== 'string' || id === '' || utf8Bytes(id) > limits.maxIdBytes) {
    return refuse(`explain: id must be a string of 1 to ${String(limits.maxIdBytes)} bytes in UTF-8 (max_id_bytes)`);
  }
  return { kind: known, id };
}
