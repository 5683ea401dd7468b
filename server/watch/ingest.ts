import type { Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Broken, Change } from '../store/change.js';
import type { StoreEvent } from '../store/store-event.js';
import { UNSUPERVISED } from '../runtime/supervisor.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import type { IgnoredFiles } from './ignored-files.js';
import { LeaseDeadlines } from './lease-deadlines.js';
import { unreadable } from './record-reader.js';
import { sayUnreadable, warnOfContent, warnOfProblem } from './record-warnings.js';
import { Removals, type RecordName } from './removals.js';
import { readOne, takeIn, type TakeInServices } from './take-in.js';
import { UnsettledFiles } from './unsettled-files.js';
import type { Warnings } from './warnings.js';
import type { HintSink } from './watcher.js';

/** One turn of the loop reads files for at most this long; the rest waits for the next. */
const TURN_MS = 3;
/**
 * But where telling everyone takes longer than that, a turn reads for as long as telling took the last time, up to this:
 * each turn is told to each subscriber, so that with short turns a burst would be all telling and no reading.
 */
const MAX_TURN_MS = 10;
/** So many hints at once may have been more than the kernel's queue holds, which it does not say. */
const BURST = 1_000;

export interface IngestServices extends TakeInServices {
  readonly clock: Clock;
  readonly ignored: IgnoredFiles;
  readonly warnings: Warnings;
  readonly settleMs: number;
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

interface Hinted extends RecordName {
  /** Hints are numbered as they come. */
  readonly number: number;
}

/**
 * From hints to events: gathers the hints of one turn of the loop, reads each named file once, lets the store say what
 * has changed, ends leases on time, and publishes all of it together.
 */
export class Ingest implements HintSink {
  readonly #pending = new Map<string, Hinted>();
  /** The number of the last hint. */
  #hints = 0;
  /** When the first of the pending hints came. */
  #hintedAt: number | undefined;
  readonly #unsettled: UnsettledFiles;
  readonly #removals = new Removals();
  /** What was read in the last turn, beside a file that was missed: it is told with what the next turn finds out. */
  #held: Change[] = [];
  readonly #deadlines: LeaseDeadlines;
  #phase: 'held' | 'running' | 'stopped' = 'held';
  readonly #turns: TurnLoop;
  /** How long the next turn may read. */
  #turnMs = TURN_MS;
  /** Notifications since the last turn. */
  #notifications = 0;
  /** More have come at once than the kernel may have room for. */
  #isBurst = false;

  constructor(private readonly services: IngestServices) {
    const { store, clock, settleMs, supervision = UNSUPERVISED } = services;
    this.#unsettled = new UnsettledFiles(store, clock, settleMs, ({ kind, id }) => {
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
      isSettling: (kind, elapsed, alsoTorn) => this.#unsettled.isSettling(kind, elapsed, alsoTorn),
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
    this.#unsettled.clear();
    this.#pending.clear();
    this.#removals.clear();
  }

  /** Hints waiting and files settling. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return { pending: this.#pending.size + this.#removals.size, unsettled: this.#unsettled.size };
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
    if (++this.#notifications === BURST) {
      this.#isBurst = true;
      this.#schedule();
    }
  }

  record(kind: Kind, id: string): void {
    this.#hintedAt ??= this.services.clock.elapsed();
    const key = keyOf(kind, id);
    if (!this.#pending.has(key)) this.#pending.set(key, { kind, id, number: ++this.#hints });
    this.#schedule();
  }

  /** A comparison has not found the file of a record among the names in its directory. */
  missing(kind: Kind, id: string): void {
    this.#removals.note(keyOf(kind, id), { kind, id });
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
    const key = keyOf(kind, id);
    this.#pending.delete(key);
    const change = this.#read(kind, id);
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
    this.#notifications = 0;
    // The loop has looked for hints since the last turn.
    if (hintsAreComplete()) this.#removals.arrived(this.#hints);
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
    const hintedAt = this.#hintedAt;
    // A heartbeat that has been written but not read may save a lease: first everything that is known to have changed.
    if (!this.#isBusy) {
      if (this.#isBurst) this.#burstRead();
      // What has been read is told in any case.
      supervision.contain('the ends of leases', () => {
        for (const event of this.#deadlines.end()) events.push(event);
      });
      this.#hintedAt = undefined;
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
    for (const [key, { kind, id }] of this.#pending) {
      this.#pending.delete(key);
      const change = this.#read(kind, id);
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
    this.#isBurst = false;
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
        if (isCompared) this.#removals.arrived(this.#hints, kind);
        else this.#removals.drop(kind);
        this.#schedule();
      });
    }
    return seen;
  }

  /** Tells what is gone, after what was found to be there: so a record that has another name is never out of sight. */
  #remove(turn: Turn, events: StoreEvent[]): void {
    if (this.#removals.size === 0) return;
    const [next] = this.#pending.values();
    for (const { kind, id } of this.#removals.take(next?.number ?? Infinity)) {
      this.#apply([{ is: 'absent', kind, id }], events);
      if (turn.isSpent()) return;
    }
  }

  // ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns what is to be told of it now; `undefined` where that is nothing yet. */
  #read(kind: Kind, id: string): Change | undefined {
    const { store, warnings } = this.services;
    const key = keyOf(kind, id);
    const reading = readOne(this.services, kind, id);
    if (reading.is === 'unseen') {
      this.#unsettled.settled(key);
      this.#removals.forget(key);
      return undefined;
    }
    if (reading.is === 'absent') {
      this.#unsettled.settled(key);
      if (store.get(kind, id)) this.#removals.note(key, { kind, id });
      return undefined;
    }
    this.#removals.forget(key);
    if (reading.is === 'present') {
      this.#unsettled.settled(key);
      return reading;
    }
    const change: Broken = reading.is === 'unavailable' ? unreadable(reading) : reading;
    const isKnown = store.get(kind, id)?.problem === change.problem;
    if (this.#unsettled.met(key, { kind, id }, reading, isKnown) === 'wait') return undefined;
    if (reading.is === 'unavailable') sayUnreadable(warnings, reading);
    else warnOfProblem(warnings, kind, id, change.problem);
    return change;
  }
}

const NO_KINDS: ReadonlySet<Kind> = new Set();

const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;
