import { readAskedRecord } from './asked-record.js';
import type { RecordName } from '../records/record-name.js';
import { MessageType } from './message-type.js';
import { parseFilter } from '../filter/parse-filter.js';
import { subscriptionId, type SubscriptionId } from '../brand.js';
import { parseConnectionName } from './connection-name.js';
import { parseCursor, type Cursor } from './cursor.js';
import { ProtocolError, type ErrorCode } from './errors.js';
import type { WireEvent } from './event.js';
import { EVERYTHING, FILTER_LIMITS, type Filter, type FilterLimits } from '../filter/filter.js';
import { readInspection, type Inspection, type Inspections } from '../inspection/inspection.js';
import { MAX_EVENTS, type CompleteReason, type ResyncReason, type SubscribeMode } from './subscription-terms.js';
import type { WatchHealth } from './watch-health.js';
import { closestMatch } from '../closest-match.js';
import { isJsonObject } from '../json-object.js';

// ── client → server ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface SubscribeOptions {
  readonly filter: Filter;
  /** The subscription ends after this many events, snapshot events included. 1…2^31−1. */
  readonly maxEvents?: number;
  /** Resume after this position instead of starting with a snapshot. */
  readonly since?: Cursor;
  /** `none`: start with the next event, without a snapshot. @default 'full' */
  readonly snapshot: 'full' | 'none';
}

export type ClientMessage =
  | { readonly type: 'subscribe'; readonly sub: SubscriptionId; readonly options: SubscribeOptions }
  | { readonly type: 'unsubscribe'; readonly sub: SubscriptionId }
  | { readonly type: 'sync'; readonly nonce: number; readonly record?: RecordName }
  | { readonly type: 'ping'; readonly nonce: number }
  | { readonly type: 'inspect'; readonly nonce: number; readonly inspection: Inspection }
  | { readonly type: 'name'; readonly name: string };

/** A refused message, with the id of the subscription that it was about, if that could be read. */
export interface Refusal {
  readonly type: 'refused';
  readonly sub: SubscriptionId | null;
  /** The nonce of a refused `sync`, `ping` or `inspect`, if it could be read. */
  readonly nonce?: number;
  readonly code: ErrorCode;
  readonly message: string;
}

const MAX_UINT32 = 0xffffffff;

const isUint32 = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_UINT32;

const uint32 = (value: unknown, what: string): number => {
  if (!isUint32(value)) throw new ProtocolError('bad-message', `${what} must be an integer from 0 to 2^32 - 1`);
  return value;
};

type Decoder = (fields: readonly unknown[], limits: FilterLimits) => ClientMessage;

/** One decoder per message that a client may send. No other code turns an `unknown` into a client's message. */
const CLIENT_DECODERS: ReadonlyMap<unknown, Decoder> = new Map<unknown, Decoder>([
  [
    MessageType.subscribe,
    ([, sub, options], limits) => ({
      type: 'subscribe',
      sub: subscriptionId(uint32(sub, 'the subscription')),
      options: parseSubscribeOptions(options ?? {}, limits),
    }),
  ],
  [
    MessageType.unsubscribe,
    ([, sub]) => ({ type: 'unsubscribe', sub: subscriptionId(uint32(sub, 'the subscription')) }),
  ],
  [
    MessageType.sync,
    ([, nonce, kind, id], limits) => ({
      type: 'sync',
      nonce: uint32(nonce, 'the nonce'),
      ...(kind == null && id == null ? {} : { record: readAskedRecord('sync', kind, id, limits) }),
    }),
  ],
  [MessageType.ping, ([, nonce]) => ({ type: 'ping', nonce: uint32(nonce, 'the nonce') })],
  [
    MessageType.inspect,
    ([, nonce, topic, params], limits) => ({
      type: 'inspect',
      nonce: uint32(nonce, 'the nonce'),
      inspection: readInspection(topic, params, limits),
    }),
  ],
  [MessageType.name, ([, name]) => ({ type: 'name', name: parseConnectionName(name) })],
]);

/** Requests that carry a nonce. The answer carries the same nonce, also if it is an error. */
const HAS_NONCE: ReadonlySet<unknown> = new Set([MessageType.sync, MessageType.ping, MessageType.inspect]);

/** Reads a decoded value as a client's message. Never throws a `ProtocolError`: a message that cannot be read becomes a {@link Refusal}. */
export function readClientMessage(value: unknown, limits: FilterLimits = FILTER_LIMITS): ClientMessage | Refusal {
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  try {
    const decode = CLIENT_DECODERS.get(fields[0]);
    if (!decode) {
      throw new ProtocolError('bad-message', 'a message is an array that begins with 1, 2, 3, 4, 5 or 6');
    }
    return decode(fields, limits);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const isAboutSub = fields[0] === MessageType.subscribe || fields[0] === MessageType.unsubscribe;
    const sub = isAboutSub && isUint32(fields[1]) ? subscriptionId(fields[1]) : null;
    const nonce = HAS_NONCE.has(fields[0]) && isUint32(fields[1]) ? { nonce: fields[1] } : {};
    return { type: 'refused', sub, ...nonce, code: error.code, message: error.message };
  }
}

/** The options of `subscribe` on the wire. */
export const WIRE_SUBSCRIBE_OPTIONS = ['filter', 'max_events', 'since', 'snapshot'] as const;

function parseSubscribeOptions(input: unknown, limits: FilterLimits): SubscribeOptions {
  if (!isJsonObject(input)) {
    throw new ProtocolError('bad-option', 'the options of subscribe must be a map');
  }
  for (const name of Object.keys(input)) {
    if ((WIRE_SUBSCRIBE_OPTIONS as readonly string[]).includes(name)) continue;
    const best = closestMatch(name, WIRE_SUBSCRIBE_OPTIONS);
    const hint = best === undefined ? `options are ${WIRE_SUBSCRIBE_OPTIONS.join(', ')}` : `did you mean ${best}?`;
    throw new ProtocolError('bad-option', `subscribe has no option ${JSON.stringify(name.slice(0, 40))}; ${hint}`);
  }
  const { filter, max_events, since, snapshot } = input;
  return {
    filter: filter == null ? EVERYTHING : parseFilter(filter, limits),
    ...(max_events == null ? {} : { maxEvents: parseMaxEvents(max_events) }),
    ...(since == null ? {} : { since: parseSince(since) }),
    snapshot: parseSnapshot(snapshot ?? 'full'),
  };
}

function parseMaxEvents(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_EVENTS) {
    throw new ProtocolError('bad-option', 'max_events must be an integer from 1 to 2^31 - 1');
  }
  return value;
}

function parseSince(value: unknown): Cursor {
  const cursor = typeof value === 'string' ? parseCursor(value) : undefined;
  if (!cursor) throw new ProtocolError('bad-option', 'since must be a cursor, "epoch:revision", as events carry it');
  return cursor;
}

function parseSnapshot(value: unknown): 'full' | 'none' {
  if (value !== 'full' && value !== 'none') {
    throw new ProtocolError('bad-option', 'snapshot must be "full" or "none"');
  }
  return value;
}

// ── server → client ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface Welcome {
  readonly protocol: number;
  /** Version of the server, and `schema_version` of its events. */
  readonly server: string;
  readonly epoch: string;
  readonly revision: number;
  /** The server's wall clock, Unix milliseconds. */
  readonly now: number;
  readonly backend: string;
  readonly heartbeat_ms: number;
  readonly limits: Readonly<Record<string, number>>;
  /** What this server can do beyond the first text of version 1: {@link FEATURES}. If absent, nothing more. */
  readonly features?: readonly string[];
  /** The number under which the overview lists this connection. */
  readonly connection?: number;
}

/** Every message that a server sends, in the form of its array on the wire. */
export type ServerMessage =
  | readonly [type: typeof MessageType.welcome, welcome: Welcome]
  | readonly [
      type: typeof MessageType.subscribed,
      sub: number,
      group: number,
      mode: SubscribeMode,
      cursor: string,
      why?: ResyncReason,
    ]
  | readonly [type: typeof MessageType.batch, sub: number, n: number, events: readonly WireEvent[]]
  | readonly [type: typeof MessageType.synced, sub: number, revision: number, index: number]
  | readonly [type: typeof MessageType.events, group: number, index: number, events: readonly WireEvent[]]
  | readonly [type: typeof MessageType.complete, sub: number, reason: CompleteReason, delivered: number]
  | readonly [type: typeof MessageType.resync, sub: number, reason: ResyncReason]
  | readonly [type: typeof MessageType.error, sub: number | null, code: ErrorCode, message: string, nonce?: number]
  | readonly [type: typeof MessageType.syncDone, nonce: number, cursor: string]
  | readonly [type: typeof MessageType.pong, nonce: number, now: number]
  | readonly [type: typeof MessageType.heartbeat, revision: number, now: number, health: WatchHealth]
  | readonly [type: typeof MessageType.inspection, nonce: number, value: Inspections[keyof Inspections]['answer']];
