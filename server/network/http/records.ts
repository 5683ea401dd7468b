import {
  BEGINNING,
  compileFilter,
  EVENT_TYPES,
  formatCursor,
  jsonLine,
  kindIndex,
  toBusEvent,
  VERSION,
  type Epoch,
  type Matcher,
  type Query,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../../protocol/index.js';
import { MAX_CHEAP_COST, type Turn } from '../../runtime/turn-loop.js';
import { TurnQueue } from '../../runtime/turn-queue.js';
import type { RecordVersion } from '../../store/record-version.js';
import type { Supervision } from '../../runtime/supervisor.js';
import type { HttpSource, HttpWriter } from '../transport.js';
import { readQuery, RECORD_PARAMETERS } from './query.js';
import type { Route, RouteServices } from './route.js';

/** All answers of this kind together take at most this long in one turn of the loop. */
const TURN_MS = 3;
/** About this many characters are written at once. */
const PIECE_BYTES = 65_536;
const LOOK_AT_TIME_EVERY = 64;

const SNAPSHOT = EVENT_TYPES.indexOf('snapshot');

/** Returns the route `/records`: the records at one revision, as a JSON array of snapshot events, one per line. */
export function recordsRoute({ bus, limits, clock, slots }: RouteServices): Route {
  const turns: RecordTurns = new TurnQueue(clock, TURN_MS, (array, turn) => array.writePiece(turn));
  return (request) => {
    const query = readQuery(request.query, RECORD_PARAMETERS, limits);
    if (!slots.isFree()) return slots.refusal();
    const { store, epoch } = bus.hub;
    const { revision, versions } = store.cut();
    const leaseAt = store.leaseAt.bind(store);
    const matcher = compileFilter(query.filter);
    const { onlyProblems, maxEvents = Infinity, query: narrowing } = query;
    return {
      status: 200,
      headers: { 'content-type': 'application/json', 'muse-bus-cursor': formatCursor({ epoch, revision }) },
      filler: '\n',
      open: (writer) => {
        const now = clock.now();
        const wanted = { versions, revision, epoch, matcher, narrowing, onlyProblems, maxEvents, now, leaseAt };
        const release = slots.take();
        const array = new RecordArray(writer, wanted, turns, limits.maxQueuedBytes, release, bus.supervisor);
        array.start();
        return array;
      },
    };
  };
}

interface Wanted {
  readonly versions: readonly RecordVersion[];
  readonly revision: Revision;
  readonly epoch: Epoch;
  readonly matcher: Matcher;
  readonly narrowing: Query | undefined;
  readonly onlyProblems: boolean;
  readonly maxEvents: number;
  readonly now: UnixMillis;
  readonly leaseAt: (version: RecordVersion, now: UnixMillis) => WireLease | undefined;
}

/** The answers that are being written. They share the time of a turn. */
type RecordTurns = TurnQueue<RecordArray>;

/** Writes one cut in pieces, as fast as the client reads them, and for a bounded time in each turn. */
class RecordArray implements HttpSource {
  #next = 0;
  readonly #lookEvery: number;
  #written = 0;
  /** The last matching record, not yet written: only the last event of the list carries the cursor of the whole. */
  #held: RecordVersion | undefined;
  #phase: 'writing' | 'waiting' | 'over' = 'writing';

  constructor(
    private readonly writer: HttpWriter,
    private readonly wanted: Wanted,
    private readonly turns: RecordTurns,
    private readonly maxQueuedBytes: number,
    private readonly release: () => void,
    private readonly supervision: Supervision,
  ) {
    const isCheap = wanted.matcher.cost <= MAX_CHEAP_COST && wanted.narrowing === undefined;
    this.#lookEvery = isCheap ? LOOK_AT_TIME_EVERY : 1;
  }

  start(): void {
    this.writer.write(Buffer.from('['));
    this.turns.add(this);
  }

  drained(): void {
    if (this.#phase !== 'waiting' || this.writer.queuedBytes > this.maxQueuedBytes / 2) return;
    this.#phase = 'writing';
    this.turns.add(this);
  }

  closed(): void {
    this.turns.delete(this);
    this.#over();
  }

  /** Writes a piece. @returns whether another one can follow now. */
  writePiece(turn: Turn): boolean {
    let isMoreToCome = false;
    const isWritten = this.supervision.contain('a list of records', () => {
      isMoreToCome = this.#writePiece(turn);
    });
    // The client sees that the list is cut short: the array is not closed.
    if (!isWritten) this.supervision.contain('ending a list of records', () => this.writer.end());
    if (!isWritten) this.#over();
    return isMoreToCome;
  }

  #writePiece(turn: Turn): boolean {
    const isLast = this.#piece(turn);
    if (isLast) {
      this.writer.end();
      this.#over();
    } else if (this.writer.queuedBytes > this.maxQueuedBytes) {
      this.#phase = 'waiting';
    }
    return this.#phase === 'writing';
  }

  /** @returns whether this was the last piece. */
  #piece(turn: Turn): boolean {
    const { versions, revision, maxEvents } = this.wanted;
    let text = '';
    while (this.#next < versions.length && this.#found < maxEvents && text.length < PIECE_BYTES) {
      const version = versions[this.#next++]!;
      if (this.#matches(version)) {
        if (this.#held) text += this.#line(this.#held, BEGINNING);
        this.#held = version;
      }
      if (this.#next % this.#lookEvery === 0 && turn.isSpent()) break;
    }
    const isLast = this.#next === versions.length || this.#found >= maxEvents;
    if (isLast) {
      // A list that `max_events` has cut short is not the whole state, so a client cannot resume from it.
      const isWhole = this.#next === versions.length;
      if (this.#held) text += this.#line(this.#held, isWhole ? revision : BEGINNING);
      text += '\n]\n';
    }
    if (text !== '') this.writer.write(Buffer.from(text));
    return isLast;
  }

  get #found(): number {
    return this.#written + (this.#held ? 1 : 0);
  }

  #matches(version: RecordVersion): boolean {
    const { matcher, narrowing, onlyProblems } = this.wanted;
    if ((onlyProblems && version.problem === undefined) || !matcher.matches(version.matchable)) return false;
    return narrowing === undefined || narrowing.matchesEvent(version);
  }

  #line(version: RecordVersion, resumeAfter: Revision): string {
    const { kind, id, data, problem } = version;
    const { epoch, now, leaseAt } = this.wanted;
    const event = toBusEvent(
      [
        version.revision,
        SNAPSHOT,
        kindIndex(kind),
        id,
        now,
        data,
        null,
        problem ?? null,
        null,
        leaseAt(version, now) ?? null,
      ],
      { schemaVersion: VERSION, epoch },
      resumeAfter,
    );
    return `${this.#written++ === 0 ? '\n' : ',\n'}${jsonLine(event)}`;
  }

  #over(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.release();
  }
}
