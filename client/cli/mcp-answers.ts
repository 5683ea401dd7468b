import type { BusEvent, JsonValue, RecordData } from '../../protocol/index.js';

const LONGEST_TEXT = 200;
const LONGEST_LIST = 20;

/** A record as a model reads it: its name, and of its data what is not said already, long values cut. */
export function shortRecord({ kind, id, data, problem }: BusEvent, isFull: boolean): object {
  return { kind, id, ...(isFull ? { data } : shortData(id, data)), ...(problem === undefined ? {} : { problem }) };
}

/** A change as a model reads it. */
export function shortChange(event: BusEvent, isFull: boolean): object {
  const { event_type, reason } = event;
  // What is gone is known by its name.
  const record = event_type === 'removed' && !isFull ? { kind: event.kind, id: event.id } : shortRecord(event, isFull);
  return { type: event_type, ...(reason === undefined || reason === 'deleted' ? {} : { reason }), ...record };
}

function shortData(id: string, data: RecordData): Record<string, JsonValue | undefined> {
  // Fields called like ours would hide them, and a record names itself by its id once more.
  const kept = Object.entries(data).filter(([field, value]) => field !== 'kind' && field !== 'id' && value !== id);
  return Object.fromEntries(kept.map(([field, value]) => [field, shortValue(value)]));
}

function shortValue(value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value === 'string' && value.length > LONGEST_TEXT) return `${value.slice(0, LONGEST_TEXT)}…`;
  if (!Array.isArray(value) || value.length <= LONGEST_LIST) return value;
  const list = value as readonly JsonValue[];
  return [...list.slice(0, LONGEST_LIST), `… ${String(list.length - LONGEST_LIST)} more`];
}
