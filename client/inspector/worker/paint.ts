import type { EventType, Kind, QueryError, RecordData } from '../../../protocol/index.js';
import type { Presence } from '../model/agents.js';
import type { AttentionGroup } from '../model/attention-groups.js';
import type { WORK_KINDS } from '../model/work-history.js';
import type { Difference } from '../model/difference.js';
import type { Beginning, Mark } from '../model/entry.js';
import type { Lane } from '../model/lanes.js';
import type { Span } from '../model/overlaps.js';
import type { LeaseState } from '../model/lease.js';
import type { Overview } from '../model/overview.js';
import type { RateSeries } from '../model/rates.js';
import type { Unused } from '../model/query.js';
import type { SymbolRow } from '../model/symbol-tree.js';
import type { WaitLine } from '../model/waits.js';
import type { ConnectionState } from './connection-state.js';

/** Everything that the page shows at a moment. Parts of hidden views are left out. */
export interface Paint {
  /** The position's time on the server's clock. */
  readonly nowMs: number;
  readonly connection: ConnectionState;
  readonly position: PositionState;
  readonly capture: CaptureState;
  readonly summary: Summary;
  readonly queryError: QueryError | undefined;
  /** The part of the query that the view does not use. */
  readonly unused: Unused;
  readonly pulse?: PulsePaint;
  readonly agents?: Rows<AgentRow>;
  readonly symbols?: Rows<SymbolRow>;
  readonly lanes?: LanesPaint;
  readonly stream?: StreamPaint;
  readonly bus?: BusPaint;
  readonly detail?: Detail;
}

/** A part of a long list. */
export interface Rows<Row> {
  readonly total: number;
  /** The place of the first of `rows` in the list. */
  readonly from: number;
  readonly rows: readonly Row[];
}

export type PositionState =
  | { readonly at: 'live' }
  /** `missed`: the number of events captured since. */
  | { readonly at: 'held'; readonly atMs: number; readonly missed: number };

export interface CaptureState {
  readonly events: number;
  /** Whether any event is or was in the capture. */
  readonly hasEvents: boolean;
  readonly bytes: number;
  readonly maxBytes: number;
  /** The number of events that were evicted. */
  readonly dropped: number;
  /** The number of heartbeats among them that were evicted although older events are kept. */
  readonly droppedBeats: number;
  /** What the page knows of the time before it was connected. */
  readonly past: 'none' | 'reading' | Beginning;
  /** Whether it outlives a reload of the page; `undefined` for a file. */
  readonly kept: KeptState | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly histogram: readonly number[];
}

/** Whether this browser keeps the live capture. `elsewhere`: another tab does. `lost`: a reload loses it, for this reason. */
export type KeptState =
  { readonly at: 'opening' | 'kept' | 'elsewhere' } | { readonly at: 'lost'; readonly why: string };

/** The figures that are always visible. */
export interface Summary {
  readonly revision: number;
  readonly records: number;
  readonly agents: Readonly<Record<Presence, number>>;
  readonly leases: Readonly<{ active: number; lapsing: number; lapsed: number }>;
  readonly contested: number;
  readonly attention: Readonly<{ critical: number; warning: number; info: number }>;
  /** The number of runs that wait for another. */
  readonly waiting: number;
  readonly eventsPerSecond: number;
  readonly lagMs: number | undefined;
}

export interface PulsePaint {
  /** Who waits for whom; the number of lines that are not shown. */
  readonly waits: readonly WaitLine[];
  readonly moreWaits: number;
  readonly attention: readonly AttentionGroup[];
  /** The number of groups of matters that are not shown. */
  readonly more: number;
  readonly rates: RateSeries;
  readonly kinds: readonly { readonly kind: Kind; readonly count: number }[];
}

export interface LeaseCell {
  readonly key: string;
  readonly state: LeaseState;
  readonly address: string;
  readonly more: number;
  readonly leftMs: number | undefined;
  /** The share of the lease that is left, from 1 (just renewed) to 0 (ended). */
  readonly share: number;
  readonly isContested: boolean;
}

export type AgentRow =
  | { readonly row: 'group'; readonly label: string; readonly count: number }
  | {
      readonly row: 'agent';
      readonly run: string;
      readonly branch: string;
      readonly presence: Presence;
      readonly silentMs: number | undefined;
      readonly sinceBeatMs: number | undefined;
      readonly leases: readonly LeaseCell[];
      readonly moreLeases: number;
      readonly intent: string | undefined;
      /** The most urgent line that it waits in. */
      readonly wait: WaitLine | undefined;
      /** The number of runs that wait for it. */
      readonly blocks: number;
      readonly activity: readonly number[];
    };

export interface LanesPaint extends Rows<Lane> {
  readonly window: Span;
  /** When the captured history begins. Nothing earlier is known. */
  readonly beginsMs: number;
}

export interface StreamPaint extends Rows<StreamRow> {
  /** The number of matching events that were evicted from the capture. The row that was row 5 is now row 5 − n. */
  readonly dropped: number;
  readonly hiddenHeartbeats: number;
}

export type StreamRow =
  | { readonly row: 'mark'; readonly seq: number; readonly atMs: number; readonly mark: Mark }
  | {
      readonly row: 'event';
      readonly seq: number;
      readonly atMs: number;
      readonly deltaMs: number | undefined;
      readonly revision: number;
      readonly type: EventType;
      readonly kind: Kind;
      readonly key: string;
      readonly id: string;
      readonly run: string;
      readonly branch: string;
      readonly address: string;
      readonly more: number;
      readonly bytes: number;
      readonly lagMs: number | undefined;
      readonly note: string | undefined;
    };

/** `unavailable`: the server does not answer `inspect`. */
export type BusPaint =
  | { readonly state: 'unavailable'; readonly why: string; readonly known: Readonly<Record<string, string | number>> }
  | { readonly state: 'asking' }
  | { readonly state: 'known'; readonly overview: Overview; readonly askedMs: number };

export type Detail =
  | {
      readonly about: 'record';
      readonly key: string;
      readonly kind: Kind;
      readonly id: string;
      readonly data: RecordData;
      readonly before: RecordData | undefined;
      readonly differences: readonly Difference[];
      /** The event shown; `undefined` for a current record whose event is no longer in the capture. */
      readonly event: { readonly revision: number; readonly type: EventType; readonly atMs: number } | undefined;
      readonly revision: number;
      readonly exists: boolean;
      readonly problem: string | undefined;
      readonly lease: LeaseTermPaint | undefined;
      readonly waits: readonly WaitLine[];
      readonly workHistory: readonly WorkHistoryRow[];
      readonly history: readonly HistoryRow[];
    }
  | {
      readonly about: 'run';
      readonly run: string;
      readonly agent: Extract<AgentRow, { row: 'agent' }> | undefined;
      readonly waits: readonly WaitLine[];
      readonly history: readonly HistoryRow[];
    }
  | {
      readonly about: 'address';
      readonly address: string;
      readonly holders: readonly Holder[];
      readonly waits: readonly WaitLine[];
      readonly history: readonly HistoryRow[];
    }
  | { readonly about: 'nothing'; readonly name: string };

/** When a lease ends, and which record says so. */
export interface LeaseTermPaint {
  readonly state: LeaseState;
  readonly leftMs: number | undefined;
  readonly endMs: number | undefined;
  /** The expiry in the reservation's own record, if it is a time. */
  readonly writtenEndMs: number | undefined;
  /** The key of the heartbeat that extends it furthest. */
  readonly extendedBy: string | undefined;
  readonly sinceBeatMs: number | undefined;
}

export interface Holder extends LeaseTermPaint {
  readonly key: string;
  readonly run: string;
  readonly branch: string;
  readonly address: string;
  readonly isContested: boolean;
}

export interface WorkHistoryRow {
  readonly kind: (typeof WORK_KINDS)[number];
  readonly records: readonly {
    readonly key: string;
    readonly id: string;
    readonly atMs: number;
    readonly text: string;
  }[];
  /** The number of records that are not listed. */
  readonly more: number;
}

export interface HistoryRow {
  readonly seq: number;
  readonly atMs: number;
  readonly type: EventType;
  readonly kind: Kind;
  readonly key: string;
  readonly revision: number;
  readonly run: string;
  readonly text: string;
}
