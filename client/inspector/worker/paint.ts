import type { EventType, Kind, RecordData } from '../../../protocol/index.js';
import type { Presence } from '../model/agents.js';
import type { Attention } from '../model/attention.js';
import type { CHAIN_KINDS } from '../model/chain.js';
import type { Difference } from '../model/difference.js';
import type { Mark } from '../model/entry.js';
import type { Lane, Span } from '../model/lanes.js';
import type { LeaseState } from '../model/lease.js';
import type { Overview } from '../model/overview.js';
import type { QueryError } from '../model/query-parser.js';
import type { RateSeries } from '../model/rates.js';
import type { SymbolRow } from '../model/symbol-tree.js';
import type { LinkState } from './link-state.js';

/** Everything a moment of the page shows. What belongs to another view than the one looked at is left out. */
export interface Paint {
  /** The position's time on the server's clock. */
  readonly nowMs: number;
  readonly link: LinkState;
  readonly position: PositionState;
  readonly capture: CaptureState;
  readonly head: HeadState;
  readonly queryError: QueryError | undefined;
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
  /** Place of the first of `rows` in the list. */
  readonly from: number;
  readonly rows: readonly Row[];
}

export type PositionState =
  | { readonly at: 'live' }
  /** `missed`: events captured since. */
  | { readonly at: 'held'; readonly atMs: number; readonly missed: number };

export interface CaptureState {
  readonly events: number;
  readonly bytes: number;
  readonly maxBytes: number;
  /** Events that no longer fit. */
  readonly dropped: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly histogram: readonly number[];
}

export interface HeadState {
  readonly revision: number;
  readonly records: number;
  readonly agents: Readonly<Record<Presence, number>>;
  readonly leases: Readonly<{ active: number; lapsing: number; lapsed: number }>;
  readonly contested: number;
  readonly attention: Readonly<{ critical: number; warning: number; note: number }>;
  readonly eventsPerSecond: number;
  readonly lagMs: number | undefined;
}

export interface PulsePaint {
  readonly attention: readonly Attention[];
  /** Matters beyond those shown. */
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
  /** From 1 (just renewed) to 0 (over). */
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
      readonly activity: readonly number[];
    };

export interface LanesPaint extends Rows<Lane> {
  readonly window: Span;
  /** Where the captured history begins: nothing earlier is known. */
  readonly beginsMs: number;
}

export interface StreamPaint extends Rows<StreamRow> {
  /** Matching events that fell out of the capture: what was row 5 is row 5 − n now. */
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

/** `cannot-say`: the server or the SDK has no `inspect`. */
export type BusPaint =
  | { readonly state: 'cannot-say'; readonly why: string; readonly known: Readonly<Record<string, string | number>> }
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
      /** The event shown; a record that stands has none where its event has left the capture. */
      readonly event: { readonly revision: number; readonly type: EventType; readonly atMs: number } | undefined;
      readonly revision: number;
      readonly stands: boolean;
      readonly problem: string | undefined;
      readonly lease: { readonly state: LeaseState; readonly leftMs: number | undefined } | undefined;
      readonly chain: readonly ChainRow[];
      readonly history: readonly HistoryRow[];
    }
  | {
      readonly about: 'run';
      readonly run: string;
      readonly agent: Extract<AgentRow, { row: 'agent' }> | undefined;
      readonly history: readonly HistoryRow[];
    }
  | {
      readonly about: 'address';
      readonly address: string;
      readonly holders: readonly Holder[];
      readonly history: readonly HistoryRow[];
    }
  | { readonly about: 'nothing'; readonly name: string };

export interface Holder {
  readonly key: string;
  readonly run: string;
  readonly branch: string;
  readonly address: string;
  readonly state: LeaseState;
  readonly leftMs: number | undefined;
  readonly isContested: boolean;
}

export interface ChainRow {
  readonly kind: (typeof CHAIN_KINDS)[number];
  readonly records: readonly {
    readonly key: string;
    readonly id: string;
    readonly atMs: number;
    readonly text: string;
  }[];
  /** Records beyond those listed. */
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
