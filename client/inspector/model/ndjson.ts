import {
  EVENT_TYPES,
  isJsonObject,
  kindFromName,
  parseTimestamp,
  PROBLEMS,
  REASONS,
  type RecordData,
} from '../../../protocol/index.js';
import type { Entry, EventEntry } from './entry.js';

/** Formats one line of a file: an event as `muse-bus watch --json` prints it, and its lag. */
export function formatLine(entry: EventEntry, epoch: string, schemaVersion: string): string {
  const { type, kind, id, atMs, data, revision, reason, problem, observed, lagMs } = entry;
  return JSON.stringify({
    schema_version: schemaVersion,
    event_type: type,
    kind,
    id,
    timestamp: new Date(atMs).toISOString(),
    data,
    revision,
    cursor: `${epoch}:${String(type === 'snapshot' ? 0 : revision)}`,
    ...(reason ? { reason } : {}),
    ...(problem ? { problem } : {}),
    ...(observed ? { observed } : {}),
    ...(lagMs === undefined ? {} : { lag_ms: Math.round(lagMs * 10) / 10 }),
  });
}

/** An event in the form in which a line has it. The other fields of an entry are added when it is captured. */
export type ReadLine = Pick<EventEntry, 'type' | 'kind' | 'id' | 'data' | 'revision' | 'atMs'> &
  Partial<Pick<EventEntry, 'reason' | 'problem' | 'observed'>> & { readonly lagMs: number | undefined };

/** Reads one line of a file. @returns `undefined` for a line that is not an event. */
export function readLine(line: string): ReadLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const {
    event_type,
    kind: kindName,
    id,
    timestamp,
    data,
    revision,
    reason,
    problem,
    observed,
    lag_ms,
  } = value as Readonly<Record<string, unknown>>;
  const type = EVENT_TYPES.find((known) => known === event_type);
  const kind = typeof kindName === 'string' ? kindFromName(kindName) : undefined;
  const atMs = parseTimestamp(timestamp);
  if (!type || !kind || typeof id !== 'string' || atMs === undefined) return undefined;
  const knownReason = REASONS.find((known) => known === reason);
  const knownProblem = PROBLEMS.find((known) => known === problem);
  return {
    type,
    kind,
    id,
    atMs,
    data: isJsonObject(data) ? (data as RecordData) : {},
    revision: typeof revision === 'number' ? revision : 0,
    lagMs: typeof lag_ms === 'number' ? lag_ms : undefined,
    reason: knownReason,
    problem: knownProblem,
    observed: observed === 'restart' ? observed : undefined,
  };
}

export const isEvent = (entry: Entry): entry is EventEntry => entry.what === 'event';
