import { parseFilter } from '../filter/parse-filter.js';
import type { RecordName } from '../records/record-name.js';
import { readAskedRecord } from '../wire/asked-record.js';
import { ProtocolError } from '../wire/errors.js';
import { type Filter, type FilterInput, type FilterLimits } from '../filter/filter.js';
import type { Kind } from '../records/kinds.js';
import type { RecordField } from '../filter/matcher.js';
import type { CompleteReason, ResyncReason } from '../wire/subscription-terms.js';
import type { WatchHealth } from '../wire/watch-health.js';
import { closestMatch } from '../closest-match.js';
import { isJsonObject } from '../json-object.js';
import type { JsonObject } from '../records/record.js';
import type { Problem } from '../records/problem.js';
import type { Encoding } from '../wire/encoding.js';

/** The topics that a client can ask a server about. */
export const INSPECTION_TOPICS = ['overview', 'explain'] as const;
export type InspectionTopic = (typeof INSPECTION_TOPICS)[number];

/** The parameters and the answer of each topic. */
export interface Inspections {
  readonly overview: { readonly params: OverviewParams; readonly answer: Overview };
  readonly explain: { readonly params: ExplainParams; readonly answer: Explanation };
}

// ── overview ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface OverviewParams {
  /** The most connections, subscriptions (of all connections together), groups and problems to list. 1…10 000, @default 1 000 */
  readonly limit?: number;
}

/** The present state of the server. Lists hold at most `limit` entries; `totals` counts all entries. Times are Unix milliseconds. */
export interface Overview {
  readonly now: number;
  readonly revision: number;
  readonly epoch: string;
  readonly uptime_ms: number;
  /** The id of the connection that asked; null if the request did not come over a connection. */
  readonly you: number | null;
  /** `pending`: hints not read yet. `unsettled`: files that cannot be read yet. */
  readonly watch: WatchHealth & { readonly pending: number; readonly unsettled: number };
  /** `state` is `off` without a journal. The other fields depend on the journal. */
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
    /** Ports that were congested although their socket's queue was empty. That is a fault of the server, so this must be 0. */
    readonly stalls: number;
  };
  readonly connections: readonly ConnectionView[];
  readonly groups: readonly GroupView[];
  readonly problems: readonly { readonly kind: Kind; readonly id: string; readonly problem: Problem }[];
}

export interface ConnectionView {
  readonly id: number;
  /** The client's name for the connection; null if it gave none. */
  readonly name: string | null;
  readonly encoding: Encoding;
  /** The address of the client; empty inside one process. */
  readonly remote: string;
  /** When the connection was opened. */
  readonly since_ms: number;
  /** `congested`: its socket's queue is full at present. */
  readonly flow: 'open' | 'congested';
  readonly queued_bytes: number;
  readonly subscription_count: number;
  readonly subscriptions: readonly SubscriptionView[];
}

export interface SubscriptionView {
  readonly sub: number;
  readonly group: number;
  readonly filter: Filter;
  /** null if there is no cap. */
  readonly max_events: number | null;
  readonly delivered: number;
  readonly state: 'snapshot' | 'replay' | 'lagging' | 'live';
  /** The number of records of the snapshot, or of revisions, that catch-up still has to process for this subscription. */
  readonly behind: number;
}

export interface GroupView {
  readonly id: number;
  readonly filter: Filter;
  readonly encoding: Encoding;
  /** Live subscriptions. */
  readonly members: number;
  /** The index of the next event that matches. */
  readonly index: number;
}

// ── explain ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ExplainParams {
  /** The connection of the subscription. @default the connection that asks */
  readonly connection?: number;
  /** Asks why the event was, or was not, delivered to this subscription. */
  readonly sub?: number;
  /** Asks, instead of `sub`, whether the event would match this filter. */
  readonly filter?: FilterInput;
  /** The record's kind and `id`. Both may be left out if `revision` is given. */
  readonly kind?: string;
  readonly id?: string;
  /** The revision of the event. @default the record's last event */
  readonly revision?: number;
}

/**
 * `pending`: the event will be delivered, but the subscription has not reached it yet. `unknown`: there is no such record, connection or
 * subscription, or the server no longer knows the event.
 */
export const VERDICTS = ['delivered', 'not delivered', 'pending', 'would match', 'would not match', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The reason for the verdict. PROTOCOL.md has a line for each code. */
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
  /** With `filter-field`: the field, the values that the filter wants, and the values that the record or event has. */
  readonly field?: RecordField | 'event_types';
  readonly wanted?: readonly string[];
  readonly found?: readonly string[];
}

export interface Explanation {
  readonly verdict: Verdict;
  readonly reasons: readonly ExplainReason[];
  /** The revision of the event that was judged, if known. */
  readonly revision?: number;
  /** How the subscription ended, or why it was last restarted, if it was. */
  readonly ended?: CompleteReason;
  readonly resync?: ResyncReason;
}

/** The checked form of {@link ExplainParams}. */
export interface ExplainQuestion {
  readonly about:
    | { readonly is: 'filter'; readonly filter: Filter }
    | { readonly is: 'subscription'; readonly connection: number | undefined; readonly sub: number };
  readonly record: RecordName | undefined;
  readonly revision: number | undefined;
}

// ── reading what is asked ───────────────────────────────────────────────────────────────────────────────────────────

/** A request for an inspection, with its parameters checked. */
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

/** Reads a topic and its parameters. @throws ProtocolError `bad-option`, naming what is wrong and what is accepted. */
export function readInspection(topic: unknown, params: unknown, limits: FilterLimits): Inspection {
  const known = INSPECTION_TOPICS.find((name) => name === topic);
  if (known === undefined) return refuse(`inspect: the topic must be one of ${INSPECTION_TOPICS.join(', ')}`);
  if (params != null && !isJsonObject(params)) {
    return refuse(`inspect ${known}: the parameters must be a map`);
  }
  const given = params ?? {};
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
  if (filter != null && connection != null)
    return refuse('explain: connection belongs to sub, not to filter; leave it out');
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
    record: kind == null && id == null ? undefined : readAskedRecord('explain', kind, id, limits),
    revision: revision == null ? undefined : readInteger('revision', revision, 1, Number.MAX_SAFE_INTEGER),
  };
}

const MAX_UINT32 = 0xffffffff;

function readInteger(name: string, value: unknown, low: number, high: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value;
  return refuse(`inspect: ${name} must be an integer from ${String(low)} to ${String(high)}`);
}
