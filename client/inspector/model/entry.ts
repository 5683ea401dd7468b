import {
  addressTexts,
  type EventType,
  type Kind,
  type Problem,
  type Reason,
  type RecordData,
} from '../../../protocol/index.js';

/** One captured event in a compact form. Cursor and schema version are left out, because they can be derived. */
export interface EventEntry {
  readonly what: 'event';
  /** Position in the capture, from 0, never reused. */
  readonly seq: number;
  /** When it happened, on the server's clock; never before the previous entry. */
  readonly atMs: number;
  /** Milliseconds from the event on the server to its receipt here; `undefined` for snapshots and files, for which it has no meaning. */
  readonly lagMs: number | undefined;
  readonly type: EventType;
  readonly kind: Kind;
  readonly id: string;
  readonly revision: number;
  readonly data: RecordData;
  /** The data before this event; `undefined` if the record was not known before. */
  readonly before: RecordData | undefined;
  /** Its size in MessagePack, inside its frame. */
  readonly bytes: number;
  readonly reason: Reason | undefined;
  readonly problem: Problem | undefined;
  readonly observed: 'restart' | undefined;
}

/** A mark: not an event, but with a place in the order of events. */
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
  | { readonly type: 'back' }
  /** Earlier events are not known, for this reason. */
  | { readonly type: 'begin'; readonly why: Beginning }
  /** The bus was not running before this moment. What follows at once changed at some time before. */
  | { readonly type: 'gap' }
  /** The events after a revision, up to another, are missing. The records follow as they were after them, then `known`. */
  | { readonly type: 'missing'; readonly after: number; readonly to: number }
  | { readonly type: 'known'; readonly revision: number };

/**
 * Why the known history begins where it does. `epoch`: the bus itself knows nothing earlier. `compacted`: the bus no longer has earlier
 * events. `asked`: earlier ones were not asked for. `bounded`: more would not fit. `unavailable`: the bus did not answer. `kept`: this
 * browser has kept what the bus was not asked for or no longer has, and nothing earlier.
 */
export type Beginning = 'epoch' | 'compacted' | 'asked' | 'bounded' | 'unavailable' | 'kept';

/** Whether all records follow again after a mark. */
export const beginsAnew = ({ type }: Mark): boolean => type === 'resync' || type === 'missing';

export type Entry = EventEntry | MarkEntry;

/** The key of a record among all kinds. An id contains no slash, because it is a file's name. */
export type RecordKey = string;

/** Returns a field of a record that should be a text, or the digits of a number, as the model of the swarm does; `undefined` for any other value. */
export function textOf(data: RecordData, field: string): string | undefined {
  const value: unknown = data[field];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

const known = new WeakMap<RecordData, readonly string[]>();

/** Returns the addresses that a record names, in any form that the model of the swarm reads. */
export function addressesOf(data: RecordData): readonly string[] {
  // What nearly all records have is returned as it is: all captured events are looked through at once.
  const own: unknown = data.addresses;
  if (!('address' in data) && Array.isArray(own) && own.every(isOneAddress)) return own;
  let addresses = known.get(data);
  if (addresses === undefined) known.set(data, (addresses = addressTexts(data)));
  return addresses;
}

/** Blank texts name nothing, and a text with several lines names several. */
const isOneAddress = (item: unknown): item is string => typeof item === 'string' && /^\S[^\r\n]*$/.test(item);
