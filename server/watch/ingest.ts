import type { Kind, RecordName } from '../../protocol/index.js';
import type { Change } from '../store/change.js';
import type { StoreEvent } from '../store/store-event.js';
import { nextTurn } from '../runtime/clock.js';
import { UNSUPERVISED } from '../runtime/supervisor.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import type { IngestServices } from './ingest-services.js';
import { LeaseDeadlines } from './lease-deadlines.js';
import type { LeaseDelay } from './lease-time.js';
import { PendingHints } from './pending-hints.js';
import { warnOfContent } from './record-warnings.js';
import { Removals } from './removals.js';
import { SettledReader } from './settled-reader.js';
import { applyContained } from './record-containment.js';
import type { HintSink } from './watcher.js';

/** One turn of the loop reads files for at most this long. The rest waits for the next turn. */
const TURN_MS = 3;
/**
 * If delivery takes longer than that, a turn reads for as long as the last delivery took, up to this bound. Each turn is
 * delivered to each subscriber, so that with short turns a burst would spend its time on delivery and not on reading.
 */
const MAX_TURN_MS = 10;

/**
 * Turns hints into events: collects the hints of one turn of the loop, reads each named file once, gives the changes to the
 * store, ends leases on time, and publishes all events of the turn together.
 */
export class Ingest implements HintSink {
  readonly #pending: PendingHints;
  readonly #removals = new Removals();
  readonly #reader: SettledReader;
  /** Changes read in the last turn in a directory where a file was missing. They are applied in the next turn, before the removal. */
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
        // A step that leaves work requests the next turn itself.
        return false;
      },
    );
    this.#deadlines = new LeaseDeadlines({
      store,
      clock,
      settleMs,
      hintsSuffice: (kinds) => services.hintsSuffice(kinds),
      known: (kinds) => services.known(kinds),
      verify: () => {
        services.verifyDirectories();
      },
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

  /** Starts to read the files that hints name. Hints that came before have been collected. */
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

  /** The numbers of pending hints and missing files, and of unsettled files. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return { pending: this.#pending.size + this.#removals.size, unsettled: this.#reader.unsettled };
  }

  /** Whether there has been a burst of hints that is not read yet: it may have overflowed the kernel's queue. */
  get hasBurst(): boolean {
    return this.#pending.hasBurst;
  }

  get leaseDelay(): LeaseDelay | undefined {
    return this.#deadlines.delay;
  }

  // ── hints ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  file(kind: Kind, name: string): void {
    this.notified();
    const id = this.services.ignored.idOf(kind, name, 'hint');
    if (id === undefined) return;
    const { folds, listedName, store, rescan } = this.services;
    // The listed name names the record; a hint may have another spelling, and so may a record whose file was renamed to another one.
    const listed = folds(kind, id) ? listedName(kind, id) : name;
    const isGoneOrUntold = listed === undefined && store.get(kind, id) !== undefined;
    if (listed === name || isGoneOrUntold) this.record(kind, id);
    else void rescan(kind);
  }

  directory(kind: Kind): void {
    this.notified();
    void this.services.rescan(kind);
  }

  ancestor(): void {
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

  /** Notes that a comparison did not find the file of a record in its directory. */
  missing(kind: Kind, id: string): void {
    // A reading that was requested before would find a file whose name is spelt otherwise.
    this.#pending.delete(kind, id);
    this.#removals.note({ kind, id });
    this.#schedule();
  }

  // ── barrier ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads one record now. Resolves when its change, if any, has been published. */
  async readNow({ kind, id }: RecordName): Promise<void> {
    // For an id that no file name can have, a comparison could never find the file.
    if (!this.services.ignored.isRecordId(id)) return;
    if (this.services.folds(kind, id) && this.services.listedName(kind, id) !== `${id}.json`) {
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

  /** Resolves when no hint, held change or missing file is left. */
  async drain(): Promise<void> {
    this.#schedule();
    while (this.#isBusy && this.#phase === 'running') {
      await nextTurn(this.services.clock);
    }
  }

  /** See {@link UnsettledFiles.isUnread}. */
  isUnread(elapsed: number, only?: RecordName): boolean {
    return this.#reader.isUnread(elapsed, only);
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
    // The loop has polled for notifications since the last turn.
    if (hintsAreComplete()) this.#removals.arrived(this.#pending.last);
    const events = this.#apply(this.#held.splice(0));
    const read = this.#readPending(turn);
    const asked = this.#askForMissing();
    if (asked.size === 0) this.#apply(read, events);
    else {
      // A rename is published as one: the new name together with the removal of the old one, in a later turn.
      this.#held = read.filter(({ kind }) => asked.has(kind));
      this.#apply(
        read.filter(({ kind }) => !asked.has(kind)),
        events,
      );
    }
    this.#remove(turn, events);
    const { hintedAt } = this.#pending;
    // A heartbeat that was written but not read yet may save a lease. So leases end only when nothing is left to read.
    if (!this.#isBusy) {
      if (this.#pending.takeBurst()) this.#burstRead();
      // An error in here does not keep the changes that were read from being published.
      supervision.contain('the ends of leases', () => {
        for (const event of this.#deadlines.end()) events.push(event);
      });
      this.#pending.published();
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
      // Checked again: other records of the same turn may have filled the store since this one was read.
      if (change.is !== 'absent' && !admits(change.kind, change.id)) continue;
      for (const event of applyContained(this.services, change, clock.now())) {
        if (event.after?.problem !== undefined) warnOfContent(this.services.warnings, event.after);
        events.push(event);
      }
    }
    return events;
  }

  /** After a burst, not during it: the comparison would be outdated at once. */
  #burstRead(): void {
    this.#deadlines.doubtHints();
    this.services.reconcileSoon('a burst of hints');
  }

  // ── removals ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns the kinds in which files have been missed since the last call and whose directories can be seen. */
  #askForMissing(): ReadonlySet<Kind> {
    if (this.#removals.size === 0) return NO_KINDS;
    const { hintsAreComplete, rescan } = this.services;
    const kinds = [...this.#removals.unasked];
    if (kinds.length === 0) return NO_KINDS;
    const seen = this.services.seen(kinds);
    for (const kind of kinds) {
      this.#removals.asked(kind, seen.has(kind));
      if (!seen.has(kind) || hintsAreComplete()) continue;
      void rescan(kind).then((isCompared) => {
        if (isCompared) this.#removals.arrived(this.#pending.last, kind);
        else this.#removals.drop(kind);
        this.#schedule();
      });
    }
    return seen;
  }

  /** Applies removals after all other changes, so that a record whose file was renamed is always present under one name. */
  #remove(turn: Turn, events: StoreEvent[]): void {
    if (this.#removals.size === 0) return;
    for (const { kind, id } of this.#removals.take(this.#pending.next)) {
      this.#apply([{ is: 'absent', kind, id }], events);
      if (turn.isSpent()) return;
    }
  }
}

const NO_KINDS: ReadonlySet<Kind> = new Set();
