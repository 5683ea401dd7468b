import { complete, type Completion } from '../model/completion.js';
import type { Capture } from '../model/capture.js';
import { addressesOf, type Entry } from '../model/entry.js';
import { EMPTY_QUERY, parseQuery, unusedIn, type Query } from '../model/query.js';
import { KINDS, type QueryError } from '../../../protocol/index.js';
import { withPast, type PastEvents } from '../model/history.js';
import { SPAN_MS, type Since } from '../model/place.js';
import { isListed } from '../model/lease.js';
import { groupAttention } from '../model/attention-groups.js';
import { SymbolRows } from '../model/symbol-rows.js';
import { Timeline, type Position } from '../model/timeline.js';
import { ReplayedState } from '../model/replayed-state.js';
import { agentRows } from './agent-rows.js';
import { detailOf } from './detail.js';
import { lanesPaint } from './lane-rows.js';
import type { ConnectionState } from './connection-state.js';
import type { ViewState } from './messages.js';
import type { BusPaint, CaptureState, Paint, PositionState, PulsePaint, Rows } from './paint.js';
import { summarize, matchesLease, deriveState, type DerivedState } from './derived-state.js';
import { StreamIndex } from './stream-index.js';
import type { Overview } from '../model/overview.js';

/** The bound of the capture, in bytes of encoded events. In memory they take several times as much. */
export const CAPTURE_BYTES = 12_582_912;
const EMPTY_STATE = deriveState(new ReplayedState(), 0, undefined);
const BUCKETS = 200;
const MAX_ATTENTION = 100;
const MAX_WAITS = 50;
/** The histogram covers thousands of events, so it may be slightly old. */
const HISTOGRAM_INTERVAL_MS = 500;
const DERIVE_INTERVAL_MS = 500;

/** The inputs of a paint besides the capture and the state of the view. */
export interface PaintInputs {
  readonly nowMs: number;
  readonly connection: ConnectionState;
  readonly overview: Overview | undefined;
  readonly bus: BusPaint;
  readonly past: CaptureState['past'];
  readonly kept: CaptureState['kept'];
}

/** Makes the paint that the page shows from the capture and the state of the view. */
export class ViewModel {
  #timeline = new Timeline(CAPTURE_BYTES);
  #stream = new StreamIndex(this.#timeline.capture);
  #position: Position = { at: 'live' };
  /** The moment that the position was computed for. */
  #atMs: number | undefined;
  #since: { readonly span: Since; readonly fromMs: number } = { span: 'all', fromMs: -Infinity };
  readonly #symbols = new SymbolRows();
  #query: Query = EMPTY_QUERY;
  #queryError: QueryError | undefined;
  #queryText = '';
  #derived: DerivedState | undefined;
  #histogram:
    { readonly madeMs: number; readonly fromMs: number; readonly toMs: number; readonly counts: number[] } | undefined;

  get timeline(): Timeline {
    return this.#timeline;
  }

  /** Puts before the capture what happened before it. @returns whether that was possible. */
  prepend(past: PastEvents): boolean {
    const timeline = withPast(this.#timeline, past);
    if (!timeline) return false;
    this.#timeline = timeline;
    this.#stream = new StreamIndex(timeline.capture);
    this.#histogram = undefined;
    this.#atMs = undefined;
    this.#position = { at: 'live' };
    return true;
  }

  /** Shows a moment of the captured time, or the present. A moment before the capture is its beginning. */
  #show(atMs: number | undefined): void {
    if (atMs === this.#atMs) return;
    const position = atMs === undefined ? ({ at: 'live' } as const) : this.#positionAt(atMs);
    // Without an entry there is nothing to hold at yet.
    if (!position) return;
    this.#position = position;
    this.#atMs = atMs;
  }

  #positionAt(atMs: number): Position | undefined {
    const { capture } = this.timeline;
    const first = capture.first();
    if (!first) return undefined;
    const clamped = Math.max(first.atMs, atMs);
    const place = afterSnapshot(capture, capture.indexAfter(clamped));
    const shownMs = Math.max(clamped, capture.at(place - 1)?.atMs ?? clamped);
    const nextSeq = capture.at(place)?.seq ?? this.timeline.nextSeq;
    return { at: 'held', nextSeq, atMs: shownMs };
  }

  /** Sets how far back the stream shows events. The beginning stays where it is as time passes, so that rows do not move. */
  #showSince(span: Since, nowMs: number): void {
    if (span !== this.#since.span) this.#since = { span, fromMs: nowMs - SPAN_MS[span] };
  }

  /** Sets the query. While it is invalid, the last valid query stays in force. */
  #setQuery(text: string): void {
    if (text === this.#queryText) return;
    this.#queryText = text;
    const parsed = parseQuery(text);
    this.#queryError = parsed.ok ? undefined : parsed.error;
    if (parsed.ok) this.#query = parsed.query;
  }

  paint(viewState: ViewState, inputs: PaintInputs): Paint {
    this.#setQuery(viewState.query);
    this.#show(viewState.atMs);
    this.#showSince(viewState.since, inputs.nowMs);
    const nowMs = this.#position.at === 'live' ? inputs.nowMs : this.#position.atMs;
    const replayed = this.timeline.stateAt(this.#position);
    const { connection } = inputs;
    replayed.isUnseen = this.#position.at === 'live' && connection.state === 'live' && connection.unseen !== undefined;
    const derived = this.#derivedFor(viewState, replayed, nowMs, inputs);
    const { capture } = this.timeline;
    const endSeq = this.#position.at === 'live' ? this.timeline.nextSeq : this.#position.nextSeq;
    const end = capture.indexOf(endSeq);
    return {
      nowMs,
      connection,
      position: this.#positionState(),
      capture: { ...this.#captureState(inputs.nowMs), past: inputs.past, kept: inputs.kept },
      summary: summarize(derived, this.timeline.rates.recent(nowMs)),
      queryError: this.#queryError,
      unused: unusedIn(viewState.view, this.#query),
      ...this.#viewPaint(viewState, derived, inputs, endSeq, end),
      ...(viewState.target ? { detail: detailOf(viewState.target, derived, capture, end) } : {}),
    };
  }

  /**
   * Returns the derived state. The stream and the view of the bus show nothing derived but the summary, so a slightly older derived state
   * is good enough for them.
   */
  #derivedFor(
    viewState: ViewState,
    replayed: ReplayedState,
    nowMs: number,
    { connection, overview }: PaintInputs,
  ): DerivedState {
    // Until the snapshot is complete, only its progress is shown.
    if (connection.state === 'connecting' || connection.state === 'loading') return EMPTY_STATE;
    const made = this.#derived;
    const mayBeOld = (viewState.view === 'stream' || viewState.view === 'bus') && viewState.target === undefined;
    if (mayBeOld && made?.replayed === replayed && Math.abs(nowMs - made.nowMs) < DERIVE_INTERVAL_MS) return made;
    return (this.#derived = deriveState(replayed, nowMs, overview));
  }

  complete(text: string, caret: number): Completion {
    const { head } = this.timeline;
    const branches = new Set([...head.runs.values()].map(({ branch }) => branch ?? '').filter((b) => b !== ''));
    const addresses = new Set([...head.byKind.reservation.values()].flatMap(({ data }) => addressesOf(data)));
    return complete(text, caret, {
      runs: [...head.runs.keys()].sort(),
      branches: [...branches].sort(),
      addresses: [...addresses].sort(),
    });
  }

  #viewPaint(
    viewState: ViewState,
    derived: DerivedState,
    inputs: PaintInputs,
    endSeq: number,
    end: number,
  ): Partial<Paint> {
    const query = this.#query;
    switch (viewState.view) {
      case 'pulse':
        return { pulse: this.#pulse(derived) };
      case 'agents':
        return { agents: windowOf(agentRows(derived, query, viewState), viewState.rows) };
      case 'symbols': {
        const leases = derived.leases.filter(
          (lease) => isListed(lease, derived.nowMs) && (query.isEmpty || matchesLease(query, lease)),
        );
        const kept = new Set(leases);
        const contests = derived.contests.filter((contest) => contest.leases.some((lease) => kept.has(lease)));
        return {
          symbols: windowOf(this.#symbols.of(leases, contests, derived.waits, viewState.closed), viewState.rows),
        };
      }
      case 'lanes':
        return { lanes: lanesPaint(derived, this.timeline, query, viewState, end) };
      case 'stream':
        this.#stream.show(query, viewState.showHeartbeats, this.#since.fromMs);
        return { stream: this.#stream.read(endSeq, streamRowsWanted(viewState)) };
      case 'bus':
        return { bus: inputs.bus };
    }
  }

  #pulse({ waits, attention, nowMs, replayed }: DerivedState): PulsePaint {
    const groups = groupAttention(attention);
    return {
      waits: waits.slice(0, MAX_WAITS),
      moreWaits: Math.max(0, waits.length - MAX_WAITS),
      attention: groups.slice(0, MAX_ATTENTION),
      more: Math.max(0, groups.length - MAX_ATTENTION),
      rates: this.timeline.rates.read(nowMs),
      kinds: KINDS.map((kind) => ({ kind, count: replayed.byKind[kind].size })),
    };
  }

  #positionState(): PositionState {
    if (this.#position.at === 'live') return this.#position;
    const { atMs, nextSeq } = this.#position;
    const { capture } = this.timeline;
    return { at: 'held', atMs, missed: capture.length - capture.indexOf(nextSeq) };
  }

  #captureState(nowMs: number): Omit<CaptureState, 'past' | 'kept'> {
    const { capture } = this.timeline;
    if (!this.#histogram || nowMs - this.#histogram.madeMs > HISTOGRAM_INTERVAL_MS) {
      this.#histogram = { madeMs: nowMs, ...this.timeline.histogram(BUCKETS, this.#since.fromMs) };
    }
    const { fromMs, toMs, counts } = this.#histogram;
    const { length: events, bytes, maxBytes, dropped, droppedBeats } = capture;
    const { hasEvents } = this.timeline;
    return { events, hasEvents, bytes, maxBytes, dropped, droppedBeats, fromMs, toMs, histogram: counts };
  }
}

/** Moves a place inside a snapshot to the snapshot's end. Inside a snapshot the state is incomplete and cannot be shown. */
function afterSnapshot(capture: Capture, place: number): number {
  let after = place;
  const isInside = (entry: Entry | undefined) =>
    entry?.what === 'event' ? entry.type === 'snapshot' : entry?.mark.type === 'synced' || entry?.mark.type === 'known';
  while (isInside(capture.at(after))) after++;
  return after;
}

const streamRowsWanted = ({ rows, follow }: ViewState) => (follow ? { last: rows.to - rows.from } : rows);

function windowOf<Row>(rows: readonly Row[], { from, to }: ViewState['rows']): Rows<Row> {
  const start = Math.max(0, Math.min(from, rows.length));
  return { total: rows.length, from: start, rows: rows.slice(start, to) };
}
