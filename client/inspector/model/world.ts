import {
  KINDS,
  parseTimestamp,
  type EventType,
  type Kind,
  type Problem,
  type RecordData,
} from '../../../protocol/index.js';
import { Activity } from './activity.js';
import { recordKey, textOf, type Entry, type EventEntry, type RecordKey } from './entry.js';

/** A record as it stands at the world's position. */
export interface Standing {
  readonly key: RecordKey;
  readonly kind: Kind;
  readonly id: string;
  readonly data: RecordData;
  readonly revision: number;
  /** When it last changed. */
  readonly atMs: number;
  /** When it was first seen here. */
  readonly firstMs: number;
  readonly lastType: EventType;
  readonly problem: Problem | undefined;
}

/** What is known of a run beside its records. */
export interface Run {
  readonly id: string;
  branch: string | undefined;
  /** Its last event of any kind. */
  lastMs: number;
  /** Its last heartbeat. */
  lastBeatMs: number | undefined;
  /** How many records it has now. */
  records: number;
  readonly activity: Activity;
}

type ByKind = Readonly<Record<Kind, Map<string, Standing>>>;

/**
 * Everything that stands after a number of entries: records, and the runs that made them. Entries are applied in order;
 * a copy shares the records, which never change.
 */
export class World {
  readonly byKind: ByKind;
  readonly runs: Map<string, Run>;
  /** The position: all entries before this number are applied. */
  nextSeq: number;
  atMs: number;
  revision: number;
  /** During a resync: what the new snapshot has shown so far. */
  #sweep: Set<RecordKey> | undefined;

  constructor(from?: World) {
    const copy = (kind: Kind) => [kind, new Map(from?.byKind[kind])] as const;
    this.byKind = Object.fromEntries(KINDS.map(copy)) as ByKind;
    this.runs = new Map();
    for (const run of from?.runs.values() ?? [])
      this.runs.set(run.id, { ...run, activity: new Activity(run.activity) });
    this.nextSeq = from?.nextSeq ?? 0;
    this.atMs = from?.atMs ?? 0;
    this.revision = from?.revision ?? 0;
    this.#sweep = from && from.#sweep ? new Set(from.#sweep) : undefined;
  }

  get size(): number {
    let size = 0;
    for (const kind of KINDS) size += this.byKind[kind].size;
    return size;
  }

  get(kind: Kind, id: string): Standing | undefined {
    return this.byKind[kind].get(id);
  }

  apply(entry: Entry): void {
    this.nextSeq = entry.seq + 1;
    this.atMs = Math.max(this.atMs, entry.atMs);
    if (entry.what === 'event') this.#applyEvent(entry);
    else if (entry.mark.type === 'resync') this.#sweep = new Set();
    else if (entry.mark.type === 'synced') this.#endSweep(entry.mark.revision);
  }

  #applyEvent(entry: EventEntry): void {
    const { kind, id, data, type } = entry;
    const key = recordKey(kind, id);
    if (type !== 'snapshot') this.revision = entry.revision;
    const known = this.byKind[kind].get(id);
    if (type === 'removed') {
      if (known) this.#drop(known);
      this.#note(entry);
      return;
    }
    this.#sweep?.add(key);
    const standing: Standing = {
      key,
      kind,
      id,
      data,
      revision: entry.revision,
      atMs: entry.atMs,
      firstMs: known?.firstMs ?? entry.atMs,
      lastType: type,
      problem: entry.problem,
    };
    this.byKind[kind].set(id, standing);
    this.#note(entry);
    const run = this.#runOf(data);
    if (known) this.#runOf(known.data, false)!.records--;
    if (run) run.records++;
  }

  /** An expiry is the server's doing and no sign of life, nor is a revival, beside the heartbeat that it follows; a snapshot tells of the past. */
  #note({ type, kind, data, atMs }: EventEntry): void {
    const run = this.#runOf(data);
    if (!run) return;
    run.branch = textOf(data, 'branch') ?? run.branch;
    const saidMs = parseTimestamp(data['last_beat_at']) ?? parseTimestamp(data['created_at']);
    const seenMs = type === 'snapshot' ? Math.min(saidMs ?? 0, atMs) : atMs;
    if (type === 'expired' || type === 'revived' || type === 'removed') return;
    run.lastMs = Math.max(run.lastMs, seenMs);
    if (kind === 'heartbeat') run.lastBeatMs = Math.max(run.lastBeatMs ?? 0, seenMs);
    run.activity.add(seenMs);
  }

  #runOf(data: RecordData, create = true): Run | undefined {
    const id = textOf(data, 'run_id');
    if (id === undefined) return create ? undefined : NOBODY;
    const known = this.runs.get(id);
    if (known) return known;
    const run: Run = {
      id,
      branch: textOf(data, 'branch'),
      lastMs: 0,
      lastBeatMs: undefined,
      records: 0,
      activity: new Activity(),
    };
    this.runs.set(id, run);
    return run;
  }

  #drop(standing: Standing): void {
    this.byKind[standing.kind].delete(standing.id);
    this.#runOf(standing.data, false)!.records--;
  }

  #endSweep(revision: number): void {
    this.revision = Math.max(this.revision, revision);
    const seen = this.#sweep;
    this.#sweep = undefined;
    if (!seen) return;
    for (const kind of KINDS) {
      for (const standing of [...this.byKind[kind].values()]) if (!seen.has(standing.key)) this.#drop(standing);
    }
  }
}

/** Takes the count of records that name no run. */
const NOBODY: Run = {
  id: '',
  branch: undefined,
  lastMs: 0,
  lastBeatMs: undefined,
  records: 0,
  activity: new Activity(),
};
