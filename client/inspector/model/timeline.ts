import type { RecordData } from '../../../protocol/index.js';
import { SILENT_AFTER_MS } from './agents.js';
import { LeaseIntervals } from './lease-intervals.js';
import { Capture } from './capture.js';
import type { Beginning, Entry, EventEntry, Mark } from './entry.js';
import type { ReadLine } from './ndjson.js';
import { packedSize } from './packed-size.js';
import { Rates } from './rates.js';
import { ReplayedState } from './replayed-state.js';

/** A position in the captured history: the live end, or before the entry of this number. */
export type Position =
  { readonly at: 'live' } | { readonly at: 'held'; readonly nextSeq: number; readonly atMs: number };

/** The captured history: its entries, the state before the first entry, and the state after the last one. */
export class Timeline {
  readonly capture: Capture;
  readonly intervals = new LeaseIntervals();
  readonly rates = new Rates();
  /** The state before the first captured entry. */
  readonly base = new ReplayedState();
  /** The state after the last captured entry. */
  readonly head = new ReplayedState();
  #held: ReplayedState | undefined;
  #nextSeq = 0;
  #hasEvents = false;

  /** Why the history begins where it does. */
  readonly beginning: Beginning | undefined;

  /** How many heartbeats were left out of what was added. */
  readonly leftOutBeats: number;

  /** @param beginning why the history begins where it does; `undefined` as long as nobody has asked what was before. */
  constructor(maxBytes: number, beginning?: Beginning, leftOutBeats = 0) {
    this.beginning = beginning;
    this.leftOutBeats = leftOutBeats;
    // A third is enough for every heartbeat of the last minute, even at two hundred a second.
    const limits = { maxBytes, maxBeatBytes: maxBytes / 3 };
    this.capture = new Capture(limits, (entry, how) => {
      // Its record says from now on, at every earlier moment too, how far the lease was extended later. The lease was held all that time.
      if (how === 'early' && entry.what === 'event') this.base.applyEarly(entry);
      else this.base.apply(entry);
    });
  }

  /** Whether any event was ever added. Marks are none. */
  get hasEvents(): boolean {
    return this.#hasEvents;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  addEvent(event: ReadLine): EventEntry {
    const before: RecordData | undefined = this.head.get(event.kind, event.id)?.data;
    const { type, kind, id, revision, data, lagMs, reason, problem, observed } = event;
    // Field by field: spreading twenty thousand objects would take a good part of the time to the first view.
    const entry: EventEntry = {
      what: 'event',
      seq: this.#nextSeq++,
      atMs: Math.max(event.atMs, this.head.atMs),
      lagMs,
      type,
      kind,
      id,
      revision,
      data,
      before,
      bytes: packedSize([revision, 0, 0, id, event.atMs, data]),
      reason,
      problem,
      observed,
    };
    this.#hasEvents = true;
    this.#add(entry);
    this.intervals.apply(entry);
    // A snapshot brings all past records at once and says nothing about a rate.
    if (entry.type !== 'snapshot') this.rates.add(entry.atMs, lagMs);
    return entry;
  }

  addMark(mark: Mark, atMs: number): void {
    const entry = { what: 'mark', seq: this.#nextSeq++, atMs: Math.max(atMs, this.head.atMs), mark, bytes: 0 } as const;
    this.#add(entry);
    this.intervals.applyMark(mark, entry.atMs);
  }

  /** Returns the state at a position. The state of a held position does not change until another position is requested. */
  stateAt(position: Position): ReplayedState {
    if (position.at === 'live') {
      this.#held = undefined;
      return this.head;
    }
    const first = this.capture.first()?.seq ?? 0;
    const held = this.#held;
    if (held?.nextSeq === position.nextSeq) return held;
    const start =
      held && held.nextSeq < position.nextSeq && held.nextSeq >= first ? held : new ReplayedState(this.base);
    const from = this.capture.indexOf(Math.max(first, start.nextSeq));
    for (const entry of this.capture.range(from, this.capture.indexOf(position.nextSeq))) start.apply(entry);
    start.atMs = Math.max(start.atMs, position.atMs);
    this.#held = start;
    return start;
  }

  /** Returns the number of captured entries in each of `buckets` equal spans of the captured time. */
  histogram(
    buckets: number,
    sinceMs = -Infinity,
  ): { readonly fromMs: number; readonly toMs: number; readonly counts: number[] } {
    const fromMs = Math.max(sinceMs, this.capture.first()?.atMs ?? 0);
    const toMs = Math.max(fromMs + 1_000, this.capture.last()?.atMs ?? 0);
    const counts = Array.from({ length: buckets }, () => 0);
    for (const entry of this.capture.range(this.capture.indexAfter(fromMs - 1), this.capture.length)) {
      if (entry.what === 'event' && entry.type === 'snapshot') continue;
      counts[Math.min(buckets - 1, Math.floor(((entry.atMs - fromMs) / (toMs - fromMs)) * buckets))]!++;
    }
    return { fromMs, toMs, counts };
  }

  #add(entry: Entry): void {
    this.head.apply(entry);
    this.capture.push(entry);
    if ((entry.seq & 1_023) === 0) this.#forget(this.capture.first()?.atMs ?? 0);
  }

  /** A tab may stay open for weeks, and there is always a new run. */
  #forget(beforeMs: number): void {
    this.intervals.forgetBefore(beforeMs);
    // A run is shown until it is silent.
    for (const state of [this.base, this.head]) state.forgetRunsBefore(beforeMs - SILENT_AFTER_MS);
  }
}
