import type { Kind } from '../../protocol/index.js';
import type { Change } from '../store/change.js';
import type { StoreEvent } from '../store/store-event.js';
import { UNSUPERVISED } from '../runtime/supervisor.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import type { IgnoredFiles } from './ignored-files.js';
import { LeaseDeadlines } from './lease-deadlines.js';
import { PendingHints } from './pending-hints.js';
import type { RecordName } from './record-name.js';
import { warnOfContent } from './record-warnings.js';
import { Removals } from './removals.js';
import { SettledReader, type SettledReaderServices } from './settled-reader.js';
import { takeIn } from './take-in.js';
import type { HintSink } from './watcher.js';

/** One turn of the loop reads files for at most this long; the rest waits for the next. */
const TURN_MS = 3;
/**
 * But where telling everyone takes longer than that, a turn reads for as long as telling took the last time, up to this:
 * each turn is told to each subscriber, so that with short turns a burst would be all telling and no reading.
 */
const MAX_TURN_MS = 10;

export interface IngestServices extends SettledReaderServices {
  readonly ignored: IgnoredFiles;
  /** Whether there is room for a record. */
  admits(kind: Kind, id: string): boolean;
  /** Takes the events of one turn, with how long the first hint that led to them had waited. */
  publish(events: readonly StoreEvent[], waitedMs: number | undefined): void;
  /** Compares a directory with the store, and hints at every difference. @returns whether it could be seen. */
  rescan(kind: Kind): Promise<boolean>;
  /** Whether a kind's directory is the one of the repository, or is not there, and can be listed: asked now. */
  canSee(kind: Kind): boolean;
  /** … and whether nothing that happened in it can be unknown, but for what hints on their way will tell. */
  knowsAll(kind: Kind): boolean;
  /** Whether a name finds a file whose name differs from it in case. */
  foldsCase(kind: Kind): boolean;
  /** The name by which the directory lists the file of an id; `undefined` where only a listing would tell. */
  listedName(kind: Kind, id: string): string | undefined;
  /** Looks which directories stand on the way to the records now. */
  verifyDirectories(): void;
  /** Whether the mechanism in use hints at each file that changes, at once, as far as anyone can tell. */
  hintsAreComplete(): boolean;
  /** Asked for when hints may have been lost. */
  reconcileSoon(why: string): void;
}

/**
 * From hints to events: gathers the hints of one turn of the loop, reads each named file once, lets the store say what
 * has changed, ends leases on time, and publishes all of it together.
 */
export class Ingest implements HintSink {
  readonly #pending: PendingHints;
  readonly #removals = new Removals();
  readonly #reader: SettledReader;
  /** What was read in the last turn, beside a file that was missed: it is told with what the next turn finds out. */
  #held: Change[] = [];
  readonly #deadlines: LeaseDeadlines;
  #phase: 'held' | 'running' | 'stopped' = 'held';
  readonly #turns: TurnLoop;
  /** How long the next turn may read. */
  #turnMs = TURN_MS;

  constructor(private readonly services: IngestServices) {
    const { store, clock, settleMs, supervision = UNSUPERVISED } = services;
    this.#pending = new PendingHints(clock);
    this.#reader = new SettledReader(services, this.#removals, ({ kind, id }) => {
      this.record(kind, id);
    });
    this.#turns = new TurnLoop(
      clock,
      () => this.#turnMs,
      (turn) => {
        supervision.contain('a turn', () => {
          this.#step(turn);
        });
        // A step that has more to do asks for the next one itself.
        return false;
      },
    );
    this.#deadlines = new LeaseDeadlines({
      store,
      clock,
      settleMs,
      hintsAreComplete: () => services.hintsAreComplete(),
      knowsAll: (kind) => services.knowsAll(kind),
      rescan: (kind) => services.rescan(kind),
      isSettling: (kind, elapsed, alsoTorn) => this.#reader.isSettling(kind, elapsed, alsoTorn),
      reconcileSoon: (why) => {
        services.reconcileSoon(why);
      },
      schedule: () => {
        this.#schedule();
      },
    });
  }

  /** Hints are gathered from the beginning, and acted upon from here on. */
  start(): void {
    this.#phase = 'running';
    for (const { kind, id, problem } of this.services.store.problems)
      if (problem === 'unreadable') this.record(kind, id);
    if (this.#pending.size > 0) this.#schedule();
    this.#deadlines.start();
  }

  stop(): void {
    this.#phase = 'stopped';
    this.#turns.stop();
    this.#deadlines.stop();
    this.#reader.clear();
    this.#pending.clear();
    this.#removals.clear();
  }

  /** Hints waiting and files settling. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return { pending: this.#pending.size + this.#removals.size, unsettled: this.#reader.unsettled };
  }

  // ── hints ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  file(kind: Kind, name: string): void {
    this.notified();
    const id = this.services.ignored.idOf(kind, name, 'hint');
    if (id === undefined) return;
    if (!this.#mayBeListedOtherwise(kind, id)) {
      this.record(kind, id);
      return;
    }
    const listed = this.services.listedName(kind, id);
    if (listed === name) this.record(kind, id);
    else void this.services.rescan(kind);
  }

  directory(kind: Kind): void {
    this.notified();
    void this.services.rescan(kind);
  }

  way(): void {
    this.services.verifyDirectories();
  }

  everything(why: string): void {
    this.#deadlines.doubtHints();
    this.services.reconcileSoon(why);
  }

  notified(): void {
    if (this.#pending.notified()) this.#schedule();
  }

  record(kind: Kind, id: string): void {
    this.#pending.add(kind, id);
    this.#schedule();
  }

  /** A comparison has not found the file of a record among the names in its directory. */
  missing(kind: Kind, id: string): void {
    this.#removals.note({ kind, id });
    this.#schedule();
  }

  /** The name as its directory lists it is the record's; any that finds the same file may be hinted at. */
  #mayBeListedOtherwise(kind: Kind, id: string): boolean {
    const { foldsCase, store } = this.services;
    return foldsCase(kind) && store.get(kind, id) === undefined;
  }

  // ── barrier ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads one record now. @returns once what has changed of it is published. */
  async readNow({ kind, id }: RecordName): Promise<void> {
    // A name that no hint could bring would be looked for again and again.
    if (!this.services.ignored.isRecordId(id)) return;
    if (this.#mayBeListedOtherwise(kind, id)) {
      await this.services.rescan(kind);
      await this.drain();
      return;
    }
    this.#pending.delete(kind, id);
    const change = this.#reader.read(kind, id);
    if (change) this.services.publish(this.#apply([...this.#held.splice(0), change]), undefined);
    this.#deadlines.sleep();
    if (this.#removals.size > 0) await this.drain();
  }

  /** Resolves when every hint there is has been acted upon. */
  async drain(): Promise<void> {
    this.#schedule();
    while (this.#isBusy && this.#phase === 'running') {
      await new Promise<void>((resolve) => this.services.clock.nextTurn(resolve));
    }
  }

  get #isBusy(): boolean {
    return this.#pending.size > 0 || this.#held.length > 0 || this.#removals.size > 0;
  }

  // ── turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #schedule(): void {
    if (this.#phase !== 'running') return;
    this.#turns.request();
  }

  #step(turn: Turn): void {
    const { clock, publish, hintsAreComplete, supervision = UNSUPERVISED } = this.services;
    this.#pending.turnBegins();
    // The loop has looked for hints since the last turn.
    if (hintsAreComplete()) this.#removals.arrived(this.#pending.last);
    const events = this.#apply(this.#held.splice(0));
    const read = this.#readPending(turn);
    const asked = this.#askForMissing();
    if (asked.size === 0) this.#apply(read, events);
    else {
      // What a rename has given another name is told together with the end of the old one.
      this.#held = read.filter(({ kind }) => asked.has(kind));
      this.#apply(
        read.filter(({ kind }) => !asked.has(kind)),
        events,
      );
    }
    this.#remove(turn, events);
    const { hintedAt } = this.#pending;
    // A heartbeat that has been written but not read may save a lease: first everything that is known to have changed.
    if (!this.#isBusy) {
      if (this.#pending.takeBurst()) this.#burstRead();
      // What has been read is told in any case.
      supervision.contain('the ends of leases', () => {
        for (const event of this.#deadlines.end()) events.push(event);
      });
      this.#pending.told();
    }
    const readAt = clock.elapsed();
    publish(events, hintedAt === undefined ? undefined : readAt - hintedAt);
    this.#turnMs = Math.min(MAX_TURN_MS, Math.max(TURN_MS, clock.elapsed() - readAt));
    const isUnfinished = this.#pending.size > 0 || this.#held.length > 0;
    if (isUnfinished || this.#removals.wantTurn(hintsAreComplete())) this.#schedule();
    this.#deadlines.sleep();
  }

  #readPending(turn: Turn): Change[] {
    const read: Change[] = [];
    for (const { kind, id } of this.#pending.take()) {
      const change = this.#reader.read(kind, id);
      if (change) read.push(change);
      if (turn.isSpent()) break;
    }
    return read;
  }

  #apply(changes: readonly Change[], events: StoreEvent[] = []): StoreEvent[] {
    const { clock, admits } = this.services;
    for (const change of changes) {
      // Asked again: others of the same turn may have taken the room that there was when it was read.
      if (change.is !== 'absent' && !admits(change.kind, change.id)) continue;
      for (const event of takeIn(this.services, change, clock.now())) {
        if (event.after?.problem !== undefined) warnOfContent(this.services.warnings, event.after);
        events.push(event);
      }
    }
    return events;
  }

  /** Only now, because a comparison in the middle of a burst would look at everything and find nothing out. */
  #burstRead(): void {
    this.#deadlines.doubtHints();
    this.services.reconcileSoon('a burst of hints');
  }

  // ── removals ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns the kinds in which files have been missed now, and whose directories could be seen. */
  #askForMissing(): ReadonlySet<Kind> {
    if (this.#removals.size === 0) return NO_KINDS;
    const { canSee, hintsAreComplete, rescan } = this.services;
    const seen = new Set<Kind>();
    for (const kind of this.#removals.unasked) {
      const isSeen = canSee(kind);
      this.#removals.asked(kind, isSeen);
      if (!isSeen) continue;
      seen.add(kind);
      if (hintsAreComplete()) continue;
      void rescan(kind).then((isCompared) => {
        if (isCompared) this.#removals.arrived(this.#pending.last, kind);
        else this.#removals.drop(kind);
        this.#schedule();
      });
    }
    return seen;
  }

  /** Tells what is gone, after what was found to be there: so a record that has another name is never out of sight. */
  #remove(turn: Turn, events: StoreEvent[]): void {
    if (this.#removals.size === 0) return;
    for (const { kind, id } of this.#removals.take(this.#pending.next)) {
      this.#apply([{ is: 'absent', kind, id }], events);
      if (turn.isSpent()) return;
    }
  }
}

const NO_KINDS: ReadonlySet<Kind> = new Set();
