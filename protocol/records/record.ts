import type { Kind } from './kinds.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [field: string]: JsonValue | undefined;
}

/**
 * The fields that every record may have. All are optional, because agents write records by hand and add fields of their own. Unknown fields
 * are kept unchanged. Times are ISO 8601, and UTC if they have no offset.
 */
export interface RecordData extends JsonObject {
  readonly run_id?: string;
  readonly branch?: string;
  /** Addresses of symbols, such as `src/billing.py::compute_total`. */
  readonly addresses?: readonly string[];
  readonly created_at?: string;
}

/** A lease on addresses, held by a run on a branch until its effective expiry. */
export interface ReservationData extends RecordData {
  readonly reservation_id?: string;
  readonly expires_at?: string;
  /** Muse writes null if the agent gave no operation. */
  readonly operation?: string | null;
}

/** What a run is about to do to addresses it has reserved. */
export interface IntentData extends RecordData {
  readonly intent_id?: string;
  readonly reservation_id?: string;
  readonly operation?: string;
  readonly detail?: string;
}

/** The end of a lease, declared by its holder. */
export interface ReleaseData extends RecordData {
  readonly release_id?: string;
  readonly reservation_id?: string;
  readonly reason?: string;
  readonly released_at?: string;
}

/** A sign of life that may extend the lease it names. */
export interface HeartbeatData extends RecordData {
  readonly reservation_id?: string;
  readonly extended_expires_at?: string;
  readonly last_beat_at?: string;
}

export interface TaskData extends RecordData {
  readonly task_id?: string;
  readonly title?: string;
  readonly status?: string;
}

/** A run's claim on a task. */
export interface ClaimData extends RecordData {
  readonly claim_id?: string;
  readonly task_id?: string;
  readonly claimed_at?: string;
}

/** A statement that one task or reservation waits for another. */
export interface DependencyData extends RecordData {
  readonly dependency_id?: string;
  readonly task_id?: string;
  readonly depends_on?: string | readonly string[];
}

/** The data of a record, by its kind. */
export interface DataByKind {
  readonly reservation: ReservationData;
  readonly intent: IntentData;
  readonly release: ReleaseData;
  readonly heartbeat: HeartbeatData;
  readonly task: TaskData;
  readonly claim: ClaimData;
  readonly dependency: DependencyData;
}

export type DataOf<K extends Kind> = DataByKind[K];
