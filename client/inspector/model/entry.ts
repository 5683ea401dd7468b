import type { EventType, Kind, Problem, Reason, RecordData } from '../../../protocol/index.js';

/** One captured event, in a compact form: what can be had from elsewhere (cursor, schema version) is left out. */
export interface EventEntry {
  readonly what: 'event';
  /** Position in the capture, from 0, never reused. */
  readonly seq: number;
  /** When it happened on the server's clock; never before its predecessor. */
  readonly atMs: number;
  /** From the event on the server to its receipt here; `undefined` where that says nothing (snapshots, files). */
  readonly lagMs: number | undefined;
  readonly type: EventType;
  readonly kind: Kind;
  readonly id: string;
  readonly revision: number;
  readonly data: RecordData;
  /** The data before this event; `undefined` for a record that was not known. */
  readonly before: RecordData | undefined;
  /** In MessagePack, inside its frame. */
  readonly bytes: number;
  readonly reason: Reason | undefined;
  readonly problem: Problem | undefined;
  readonly observed: 'restart' | undefined;
}

/** Something that is no event but belongs in the order of events. */
export interface MarkEntry {
  readonly what: 'mark';
  readonly seq: number;
  readonly atMs: number;
  readonly mark: Mark;
  readonly bytes: number;
}

export type Mark =
  | { readonly type: 'synced'; readonly revision: number }
  | { readonly type: 'resync'; readonly reason: string }
  | { readonly type: 'lost'; readonly cause: string }
  | { readonly type: 'back' };

export type Entry = EventEntry | MarkEntry;

/** A record's name among all kinds. An id holds no slash: it is a file's name. */
export type RecordKey = string;

export const recordKey = (kind: Kind, id: string): RecordKey => `${kind}/${id}`;

/** A field of a record that should be a text; anything else is not there. */
export function textOf(data: RecordData, field: string): string | undefined {
  const value = data[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const NO_ADDRESSES: readonly string[] = [];

export function addressesOf(data: RecordData): readonly string[] {
  const value: unknown = data.addresses;
  if (!Array.isArray(value)) return NO_ADDRESSES;
  return value.every((item) => typeof item === 'string') ? value : value.filter((item) => typeof item === 'string');
}
