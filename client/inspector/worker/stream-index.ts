import { recordKey } from '../../../protocol/index.js';
import type { Capture } from '../model/capture.js';
import { textOf, addressesOf, type Entry, type EventEntry } from '../model/entry.js';
import { EMPTY_QUERY, type Query } from '../model/query.js';
import { wholeStart } from '../model/visible.js';
import type { StreamPaint, StreamRow } from './paint.js';

/** The captured entries that the stream shows. The index is updated as entries arrive, so a paint costs only the rows that it shows. */
export class StreamIndex {
  #query: Query = EMPTY_QUERY;
  #showHeartbeats = false;
  #sinceMs = -Infinity;
  #droppedBeats = 0;
  #seqs: number[] = [];
  #head = 0;
  #dropped = 0;
  #nextSeq = 0;
  #hidden = 0;

  constructor(private readonly capture: Capture) {}

  /** Selects other entries, if the selection has changed. The whole capture is filtered again. */
  show(query: Query, showHeartbeats: boolean, sinceMs: number): void {
    const shows = showHeartbeats || query.asksForHeartbeats;
    if (query === this.#query && shows === this.#showHeartbeats && sinceMs === this.#sinceMs) return;
    this.#sinceMs = sinceMs;
    this.#query = query;
    this.#showHeartbeats = shows;
    this.#seqs = [];
    this.#head = 0;
    this.#dropped = 0;
    this.#hidden = 0;
    this.#nextSeq = this.capture.first()?.seq ?? 0;
  }

  /** Returns some of the rows before an entry's number: those between two places, or the last ones. */
  read(
    beforeSeq: number,
    wanted: { readonly from: number; readonly to: number } | { readonly last: number },
  ): StreamPaint {
    this.#catchUp();
    const total = this.#countBefore(beforeSeq);
    const { from, to } = 'last' in wanted ? { from: total - wanted.last, to: total } : wanted;
    const start = Math.max(0, Math.min(from, total));
    const rows: StreamRow[] = [];
    for (let i = start; i < Math.min(to, total); i++) {
      const entry = this.#entry(i);
      if (entry) rows.push(toRow(entry, this.#entry(i - 1)));
    }
    return { total, from: start, rows, dropped: this.#dropped, hiddenHeartbeats: this.#hidden };
  }

  #entry(place: number): Entry | undefined {
    const seq = this.#seqs[this.#head + place];
    return place < 0 || seq === undefined ? undefined : this.capture.at(this.capture.indexOf(seq));
  }

  #catchUp(): void {
    const { capture } = this;
    const firstSeq = capture.first()?.seq ?? 0;
    while (this.#head < this.#seqs.length && this.#seqs[this.#head]! < firstSeq) {
      this.#head++;
      this.#dropped++;
    }
    if (this.#head > 4_096 && this.#head * 2 > this.#seqs.length) {
      this.#seqs = this.#seqs.slice(this.#head);
      this.#head = 0;
    }
    this.#forgetBeats();
    const from = capture.indexOf(Math.max(this.#nextSeq, firstSeq));
    for (const entry of capture.range(from, capture.length)) {
      this.#nextSeq = entry.seq + 1;
      if (this.#wants(entry)) this.#seqs.push(entry.seq);
    }
  }

  /** Removes the heartbeats that the capture has evicted from among other events. */
  #forgetBeats(): void {
    const { capture } = this;
    if (capture.droppedBeats === this.#droppedBeats) return;
    this.#droppedBeats = capture.droppedBeats;
    if (!this.#showHeartbeats) return;
    const before = this.#seqs.length - this.#head;
    this.#seqs = this.#seqs.slice(this.#head).filter((seq) => capture.at(capture.indexOf(seq))?.seq === seq);
    this.#head = 0;
    this.#dropped += before - this.#seqs.length;
  }

  #wants(entry: Entry): boolean {
    if (entry.atMs < this.#sinceMs) return false;
    if (entry.what === 'mark') return true;
    if (!this.#query.matchesEvent(entry)) return false;
    if (entry.kind !== 'heartbeat' || this.#showHeartbeats) return true;
    this.#hidden++;
    return false;
  }

  #countBefore(seq: number): number {
    let low = this.#head;
    let high = this.#seqs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#seqs[middle]! < seq) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }
}

function toRow(entry: Entry, previous: Entry | undefined): StreamRow {
  if (entry.what === 'mark') return { row: 'mark', seq: entry.seq, atMs: entry.atMs, mark: entry.mark };
  const addresses = addressesOf(entry.data);
  return {
    row: 'event',
    seq: entry.seq,
    atMs: entry.atMs,
    deltaMs: previous === undefined ? undefined : entry.atMs - previous.atMs,
    revision: entry.revision,
    type: entry.type,
    kind: entry.kind,
    key: recordKey(entry.kind, entry.id),
    id: wholeStart(entry.id, 256),
    run: wholeStart(textOf(entry.data, 'run_id') ?? '', 256),
    branch: wholeStart(textOf(entry.data, 'branch') ?? '', 256),
    address: wholeStart(summaryOf(entry, addresses), 512),
    more: Math.max(0, addresses.length - 1),
    bytes: entry.bytes,
    lagMs: entry.lagMs,
    note: entry.problem ?? (entry.reason === 'deleted' ? undefined : entry.reason) ?? entry.observed,
  };
}

/** Returns the first address of a record or, if it has none, the field that says most about it. */
function summaryOf({ data }: EventEntry, addresses: readonly string[]): string {
  return (
    addresses[0] ??
    textOf(data, 'title') ??
    textOf(data, 'detail') ??
    textOf(data, 'task_id') ??
    textOf(data, 'reason') ??
    ''
  );
}
