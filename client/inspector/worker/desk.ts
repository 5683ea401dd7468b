import { complete, type Completion } from '../model/completion.js';
import type { Capture } from '../model/capture.js';
import { addressesOf, type Entry } from '../model/entry.js';
import { EMPTY_QUERY, type Query } from '../model/query.js';
import { parseQuery, type QueryError } from '../model/query-parser.js';
import { KINDS } from '../../../protocol/index.js';
import { symbolRows, symbolTree } from '../model/symbol-tree.js';
import { Timeline, type Position } from '../model/timeline.js';
import { World } from '../model/world.js';
import { agentRows } from './agent-rows.js';
import { detailOf } from './detail.js';
import { lanesPaint } from './lane-rows.js';
import type { LinkState } from './link-state.js';
import type { Look } from './messages.js';
import type { BusPaint, CaptureState, Paint, PositionState, PulsePaint, Rows } from './paint.js';
import { headOf, matchesLease, pictureOf, type Picture } from './picture.js';
import { StreamIndex } from './stream-index.js';
import type { Overview } from '../model/overview.js';

/** Bytes of events kept, as they travel; in memory they take several times as much. */
export const CAPTURE_BYTES = 12_582_912;
const NOTHING = pictureOf(new World(), 0, undefined);
const BUCKETS = 200;
const MAX_ATTENTION = 100;
/** The histogram is of thousands of events; it need not be of this moment. */
const HISTOGRAM_EVERY_MS = 500;
const PICTURE_EVERY_MS = 500;

/** What a paint needs of the outside. */
export interface Surroundings {
  readonly nowMs: number;
  readonly link: LinkState;
  readonly overview: Overview | undefined;
  readonly bus: BusPaint;
}

/** Turns what was captured and what is looked at into what is shown. */
export class Desk {
  readonly timeline = new Timeline(CAPTURE_BYTES);
  readonly #stream = new StreamIndex(this.timeline.capture);
  #position: Position = { at: 'live' };
  #query: Query = EMPTY_QUERY;
  #queryError: QueryError | undefined;
  #queryText = '';
  #picture: Picture | undefined;
  #histogram:
    { readonly madeMs: number; readonly fromMs: number; readonly toMs: number; readonly counts: number[] } | undefined;

  pause(nowMs: number): void {
    this.#position = { at: 'held', nextSeq: this.timeline.nextSeq, atMs: nowMs };
  }

  /** Holds the view at a moment of the captured time. */
  scrub(atMs: number): void {
    const { capture } = this.timeline;
    const first = capture.first();
    if (!first) return;
    const clamped = Math.max(first.atMs, atMs);
    const place = afterSnapshot(capture, capture.indexAfter(clamped));
    const shownMs = Math.max(clamped, capture.at(place - 1)?.atMs ?? clamped);
    this.#position = { at: 'held', nextSeq: first.seq + place, atMs: shownMs };
  }

  goLive(): void {
    this.#position = { at: 'live' };
  }

  /** An invalid query leaves the last one in force. */
  #ask(text: string): void {
    if (text === this.#queryText) return;
    this.#queryText = text;
    const parsed = parseQuery(text);
    this.#queryError = parsed.ok ? undefined : parsed.error;
    if (parsed.ok) this.#query = parsed.query;
  }

  paint(look: Look, around: Surroundings): Paint {
    this.#ask(look.query);
    const nowMs = this.#position.at === 'live' ? around.nowMs : this.#position.atMs;
    const world = this.timeline.worldAt(this.#position);
    const picture = this.#pictureFor(look, world, nowMs, around);
    const { capture } = this.timeline;
    const endSeq = this.#position.at === 'live' ? this.timeline.nextSeq : this.#position.nextSeq;
    const end = capture.indexOf(endSeq);
    return {
      nowMs,
      link: around.link,
      position: this.#positionState(),
      capture: this.#captureState(around.nowMs),
      head: headOf(picture, this.timeline.rates.recent(nowMs)),
      queryError: this.#queryError,
      ...this.#viewPaint(look, picture, around, endSeq, end),
      ...(look.target ? { detail: detailOf(look.target, picture, capture, end) } : {}),
    };
  }

  /** The stream shows nothing that is derived; for the counts in the corner an older picture will do. */
  #pictureFor(look: Look, world: World, nowMs: number, { link, overview }: Surroundings): Picture {
    // Until a snapshot is complete only its progress is shown.
    if (link.state === 'connecting' || link.state === 'loading') return NOTHING;
    const made = this.#picture;
    const mayBeOld = (look.view === 'stream' || look.view === 'bus') && look.target === undefined;
    if (mayBeOld && made?.world === world && Math.abs(nowMs - made.nowMs) < PICTURE_EVERY_MS) return made;
    return (this.#picture = pictureOf(world, nowMs, overview));
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

  #viewPaint(look: Look, picture: Picture, around: Surroundings, endSeq: number, end: number): Partial<Paint> {
    const query = this.#query;
    switch (look.view) {
      case 'pulse':
        return { pulse: this.#pulse(picture) };
      case 'agents':
        return { agents: windowOf(agentRows(picture, query, look), look.rows) };
      case 'symbols': {
        const leases = query.isEmpty ? picture.leases : picture.leases.filter((lease) => matchesLease(query, lease));
        const kept = new Set(leases);
        const contests = picture.contests.filter((contest) => contest.leases.some((lease) => kept.has(lease)));
        return { symbols: windowOf(symbolRows(symbolTree(leases, contests), new Set(look.closed)), look.rows) };
      }
      case 'lanes':
        return { lanes: lanesPaint(picture, this.timeline, query, look, end) };
      case 'stream':
        this.#stream.show(query, look.showHeartbeats);
        return { stream: this.#stream.read(endSeq, wantedOfStream(look)) };
      case 'bus':
        return { bus: around.bus };
    }
  }

  #pulse({ attention, nowMs, world }: Picture): PulsePaint {
    return {
      attention: attention.slice(0, MAX_ATTENTION),
      more: Math.max(0, attention.length - MAX_ATTENTION),
      rates: this.timeline.rates.read(nowMs),
      kinds: KINDS.map((kind) => ({ kind, count: world.byKind[kind].size })),
    };
  }

  #positionState(): PositionState {
    if (this.#position.at === 'live') return this.#position;
    const { atMs, nextSeq } = this.#position;
    return { at: 'held', atMs, missed: this.timeline.nextSeq - nextSeq };
  }

  #captureState(nowMs: number): CaptureState {
    const { capture } = this.timeline;
    if (!this.#histogram || nowMs - this.#histogram.madeMs > HISTOGRAM_EVERY_MS) {
      this.#histogram = { madeMs: nowMs, ...this.timeline.histogram(BUCKETS) };
    }
    const { fromMs, toMs, counts } = this.#histogram;
    const { length: events, bytes, maxBytes, dropped } = capture;
    return { events, bytes, maxBytes, dropped, fromMs, toMs, histogram: counts };
  }
}

/** Inside a snapshot nothing is complete; the first moment that can be shown is its end. */
function afterSnapshot(capture: Capture, place: number): number {
  let after = place;
  const isInside = (entry: Entry | undefined) =>
    entry?.what === 'event' ? entry.type === 'snapshot' : entry?.mark.type === 'synced';
  while (isInside(capture.at(after))) after++;
  return after;
}

const wantedOfStream = ({ rows, follow }: Look) => (follow ? { last: rows.to - rows.from } : rows);

function windowOf<Row>(rows: readonly Row[], { from, to }: Look['rows']): Rows<Row> {
  const start = Math.max(0, Math.min(from, rows.length));
  return { total: rows.length, from: start, rows: rows.slice(start, to) };
}
