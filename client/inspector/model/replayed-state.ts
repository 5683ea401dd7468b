import {
  KINDS,
  parseTimestamp,
  recordKey,
  type EventType,
  type Kind,
  type Problem,
  type RecordData,
} from '../../../protocol/index.js';
import { Activity } from './activity.js';
import { beginsAnew, textOf, type Entry, type EventEntry, type RecordKey } from './entry.js';

/** A record at the position of the replay. */
export interface ReplayedRecord {
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

/** The facts about a run besides its records. */
export interface Run {
  readonly id: string;
  branch: string | undefined;
  /** The time of its last event of any kind. */
  lastMs: number;
  /** The time of its last heartbeat. */
  lastBeatMs: number | undefined;
  /** The number of records that it has now. */
  records: number;
  readonly activity: Activity;
}

/** More changes than this are not worth collecting: reading everything again costs no more. */
const MAX_CHANGES = 10_000;

type ByKind = Readonly<Record<Kind, Map<string, ReplayedRecord>>>;

/**
 * The state after a number of captured entries: the current records, and the runs that made them. Entries are applied in
 * order. A copy shares the records, which never change.
 */
export class ReplayedState {
  readonly byKind: ByKind;
  readonly runs: Map<string, Run>;
  /** The position: all entries before this number are applied. */
  nextSeq: number;
  atMs: number;
  revision: number;
  /** Whether the bus does not see all files: a lease that has run out may have been prolonged. */
  isUnseen = false;
  /** During a resync: the records that the new snapshot has shown so far. */
  #seen: Set<RecordKey> | undefined;
  /** The records that have changed since the changes were taken, `undefined` for one that is gone; nothing if they were too many. */
  #changes: Map<RecordKey, ReplayedRecord | undefined> | undefined;

  constructor(from?: ReplayedState) {
    const copy = (kind: Kind) => [kind, new Map(from?.byKind[kind])] as const;
    this.byKind = Object.fromEntries(KINDS.map(copy)) as ByKind;
    this.runs = new Map();
    for (const run of from?.runs.values() ?? [])
      this.runs.set(run.id, { ...run, activity: new Activity(run.activity) });
    this.nextSeq = from?.nextSeq ?? 0;
    this.atMs = from?.atMs ?? 0;
    this.revision = from?.revision ?? 0;
    this.#seen = from && from.#seen ? new Set(from.#seen) : undefined;
  }

  get size(): number {
    let size = 0;
    for (const kind of KINDS) size += this.byKind[kind].size;
    return size;
  }

  get(kind: Kind, id: string): ReplayedRecord | undefined {
    return this.byKind[kind].get(id);
  }

  /**
   * Returns what has changed since the last call, so that a reader of all records has to read only that.
   * @returns `undefined` on the first call and after very many changes: then everything has to be read
   */
  takeChanges(): ReadonlyMap<RecordKey, ReplayedRecord | undefined> | undefined {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  #noteChange(key: RecordKey, record: ReplayedRecord | undefined): void {
    this.#changes?.set(key, record);
    if ((this.#changes?.size ?? 0) > MAX_CHANGES) this.#changes = undefined;
  }

  apply(entry: Entry): void {
    this.nextSeq = entry.seq + 1;
    this.atMs = Math.max(this.atMs, entry.atMs);
    if (entry.what === 'event') this.#applyEvent(entry);
    else if (beginsAnew(entry.mark)) this.#seen = new Set();
    else if (entry.mark.type === 'synced' || entry.mark.type === 'known') this.#endResync(entry.mark.revision);
  }

  /** Applies a heartbeat before its turn. The position stays. */
  applyEarly(entry: EventEntry): void {
    const { revision } = this;
    this.#applyEvent(entry);
    this.revision = revision;
  }

  /** Forgets the runs that have no record and caused no event since a time. */
  forgetRunsBefore(atMs: number): void {
    for (const { id, records, lastMs } of this.runs.values()) if (records === 0 && lastMs < atMs) this.runs.delete(id);
  }

  #applyEvent(entry: EventEntry): void {
    const { kind, id, data, type } = entry;
    const key = recordKey(kind, id);
    if (type !== 'snapshot') this.revision = entry.revision;
    const known = this.byKind[kind].get(id);
    if (type === 'removed') {
      if (known) this.#drop(known);
      this.#noteActivity(entry);
      return;
    }
    this.#seen?.add(key);
    const record: ReplayedRecord = {
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
    this.byKind[kind].set(id, record);
    this.#noteChange(key, record);
    this.#noteActivity(entry);
    const run = this.#runOf(data);
    if (known) this.#runOf(known.data, false)!.records--;
    if (run) run.records++;
  }

  /**
   * Notes when the run was last active. Expiries and revivals are made by the server and say nothing about the run. A snapshot is about the
   * past.
   */
  #noteActivity({ type, kind, data, atMs }: EventEntry): void {
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
    if (id === undefined) return create ? undefined : NO_RUN;
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

  #drop({ key, kind, id, data }: ReplayedRecord): void {
    this.byKind[kind].delete(id);
    this.#noteChange(key, undefined);
    this.#runOf(data, false)!.records--;
  }

  #endResync(revision: number): void {
    this.revision = Math.max(this.revision, revision);
    const seen = this.#seen;
    this.#seen = undefined;
    if (!seen) return;
    for (const kind of KINDS) {
      for (const record of [...this.byKind[kind].values()]) if (!seen.has(record.key)) this.#drop(record);
    }
  }
}

/** Counts the records that name no run. */
const NO_RUN: Run = {
  id: '',
  branch: undefined,
  lastMs: 0,
  lastBeatMs: undefined,
  records: 0,
  activity: new Activity(),
};
