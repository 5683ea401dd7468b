import { KIND_DIRECTORIES, type Kind, type Problem } from '../../protocol/index.js';
import type { Clock } from '../clock.js';
import { sameSignature, type Signature } from '../store/change.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import type { IgnoredFiles } from './ignored-files.js';
import { LeaseTime } from './lease-time.js';
import type { Reading, RecordReader } from './record-reader.js';
import type { Warnings } from './warnings.js';
import type { HintSink } from './watcher.js';

/** One turn of the loop reads files for at most this long; the rest waits for the next. */
const TURN_MS = 3;
/**
 * But where telling everyone takes longer than that, a turn reads for as long as telling took the last time, up to this:
 * each turn is told to each subscriber, so that with short turns a burst would be all telling and no reading.
 */
const LONGEST_TURN_MS = 10;
/** Between readings of a file that cannot be read yet: doubled from the first to the last. */
const FIRST_RETRY_MS = 2;
const LAST_RETRY_MS = 1_000;
/** A file that is written without end, and never found whole, is said to be broken after so many settle times. */
const MOST_SETTLE_TIMES = 10;
/** The wall clock is looked at this often though no lease is about to end, because it can be set. */
const LONGEST_NAP_MS = 60_000;
/** Later than this, the process was stopped or the machine asleep, and hints may have been lost meanwhile. */
const PAUSE_MS = 1_000;

/** So many hints at once may have been more than the kernel's queue holds, which it does not say. */
const BURST = 1_000;

export interface IngestServices {
  readonly store: RecordStore;
  readonly reader: RecordReader;
  readonly clock: Clock;
  readonly ignored: IgnoredFiles;
  readonly warnings: Warnings;
  readonly settleMs: number;
  /** Takes the events of one turn, with how long the first hint that led to them had waited. */
  publish(events: readonly StoreEvent[], waitedMs: number | undefined): void;
  /** Compares a directory with the store, and hints at every difference. */
  rescan(kind: Kind): Promise<void>;
  /** Whether the mechanism in use hints at every change, as far as anyone can tell. */
  hintsAreComplete(): boolean;
  /** Asked for when hints may have been lost. */
  reconcileSoon(why: string): void;
}

interface RecordName {
  readonly kind: Kind;
  readonly id: string;
}

/** A file that could not be read at last attempt. */
interface Unsettled {
  readonly first: number;
  /** When it was first found in its present state. */
  readonly since: number;
  readonly signature: Signature | undefined;
  readonly attempts: number;
  readonly cancel: () => void;
}

/**
 * Whether what has been read is all there is to know before leases end. `hints`: a hint comes for every change. `shaken`:
 * changes may have been missed. `looking`: the disk is being compared. `looked`: it has been, just now.
 */
type Trust = 'hints' | 'shaken' | 'looking' | 'looked';

/**
 * From hints to events: gathers the hints of one turn of the loop, reads each named file once, lets the store say what
 * has changed, ends leases on time, and publishes all of it together.
 */
export class Ingest implements HintSink {
  readonly #pending = new Map<string, RecordName>();
  /** When the first of the pending hints came. */
  #hintedAt: number | undefined;
  readonly #unsettled = new Map<string, Unsettled>();
  #phase: 'held' | 'running' | 'stopped' = 'held';
  #scheduled: NodeJS.Immediate | undefined;
  #cancelNap: (() => void) | undefined;
  #trust: Trust = 'shaken';
  readonly #leaseTime: LeaseTime;
  /** How long the next turn may read. */
  #turnMs = TURN_MS;
  /** More hints have been waiting at once than the kernel may have room for. */
  #isBurst = false;

  constructor(private readonly services: IngestServices) {
    this.#leaseTime = new LeaseTime(services.clock);
  }

  /** Hints are gathered from the beginning, and acted upon from here on. */
  start(): void {
    this.#phase = 'running';
    this.#trust = this.services.hintsAreComplete() ? 'hints' : 'shaken';
    if (this.#pending.size > 0) this.#schedule();
    this.#sleepUntilNextLease();
  }

  stop(): void {
    this.#phase = 'stopped';
    clearImmediate(this.#scheduled);
    this.#cancelNap?.();
    for (const { cancel } of this.#unsettled.values()) cancel();
    this.#unsettled.clear();
    this.#pending.clear();
  }

  /** Hints waiting and files settling. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return { pending: this.#pending.size, unsettled: this.#unsettled.size };
  }

  // ── hints ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  file(kind: Kind, name: string): void {
    const id = this.services.ignored.idOf(kind, name, 'hint');
    if (id !== undefined) this.record(kind, id);
  }

  directory(kind: Kind): void {
    void this.services.rescan(kind);
  }

  everything(why: string): void {
    this.services.reconcileSoon(why);
  }

  record(kind: Kind, id: string): void {
    this.#hintedAt ??= this.services.clock.elapsed();
    this.#pending.set(keyOf(kind, id), { kind, id });
    this.#schedule();
  }

  // ── barrier ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads one record now and publishes what has changed before it returns. */
  readNow({ kind, id }: RecordName): void {
    // A name that no hint could bring would be looked for again and again.
    if (!this.services.ignored.isRecordId(id)) return;
    this.#pending.delete(keyOf(kind, id));
    const events: StoreEvent[] = [];
    this.#read(kind, id, events);
    this.services.publish(events, undefined);
  }

  /** Resolves when every hint there is has been acted upon. */
  async drain(): Promise<void> {
    while (this.#pending.size > 0 && this.#phase === 'running') {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  // ── turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #schedule(): void {
    if (this.#phase !== 'running') return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    const { clock, publish } = this.services;
    const deadline = clock.elapsed() + this.#turnMs;
    const events: StoreEvent[] = [];
    if (this.#pending.size > BURST) this.#isBurst = true;
    for (const [key, { kind, id }] of this.#pending) {
      this.#pending.delete(key);
      this.#read(kind, id, events);
      if (clock.elapsed() >= deadline) break;
    }
    // A heartbeat that has been written but not read may save a lease: first everything that is known to have changed.
    const hintedAt = this.#hintedAt;
    if (this.#pending.size === 0) {
      this.#expire(events);
      if (this.#isBurst) this.#burstRead();
      this.#hintedAt = undefined;
    }
    const readAt = clock.elapsed();
    publish(events, hintedAt === undefined ? undefined : readAt - hintedAt);
    this.#turnMs = Math.min(LONGEST_TURN_MS, Math.max(TURN_MS, clock.elapsed() - readAt));
    if (this.#pending.size > 0) this.#schedule();
    this.#sleepUntilNextLease();
  }

  /** Only now, because a comparison in the middle of a burst would look at everything and find nothing out. */
  #burstRead(): void {
    this.#isBurst = false;
    this.services.reconcileSoon('a burst of hints');
  }

  #read(kind: Kind, id: string, events: StoreEvent[]): void {
    const { reader, store, clock, warnings, settleMs } = this.services;
    const key = keyOf(kind, id);
    const reading = reader.read(kind, id);
    const unsettled = this.#unsettled.get(key);
    const since = this.#settlingSince(unsettled, reading);
    if (reading.is === 'unavailable') {
      warnings.once(String(reading.error.code), { err: reading.error }, 'cannot read files; trying again');
      this.#retryLater(key, { kind, id }, since, reading, unsettled);
      return;
    }
    const isNewlyBroken = reading.is === 'broken' && store.get(kind, id)?.problem !== reading.problem;
    if (isNewlyBroken && clock.elapsed() - since < settleMs) {
      this.#retryLater(key, { kind, id }, since, reading, unsettled);
      return;
    }
    unsettled?.cancel();
    this.#unsettled.delete(key);
    if (reading.is === 'broken') warnOfProblem(warnings, kind, id, reading.problem);
    for (const event of store.apply(reading, clock.now())) events.push(event);
  }

  /** A file that has been written again since it was last looked at is given its time anew, up to a bound. */
  #settlingSince(before: Unsettled | undefined, reading: Reading): number {
    const { clock, settleMs } = this.services;
    const now = clock.elapsed();
    if (before === undefined) return now;
    if (reading.is !== 'broken' || now - before.first >= MOST_SETTLE_TIMES * settleMs) return before.since;
    return sameSignature(before.signature, reading.signature) ? before.since : now;
  }

  #retryLater(key: string, record: RecordName, since: number, reading: Reading, before: Unsettled | undefined): void {
    before?.cancel();
    const { clock, settleMs } = this.services;
    const attempts = (before?.attempts ?? 0) + 1;
    const left = since + settleMs - clock.elapsed();
    const pause = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS);
    const cancel = clock.after(left > 0 ? Math.min(pause, left) : pause, () => {
      this.record(record.kind, record.id);
    });
    const first = before?.first ?? since;
    const signature = reading.is === 'broken' ? reading.signature : undefined;
    this.#unsettled.set(key, { first, since, signature, attempts, cancel });
  }

  // ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #expire(events: StoreEvent[]): void {
    const { store, hintsAreComplete } = this.services;
    const now = this.#leaseTime.now();
    const due = store.leases.nextDeadline();
    if (due === undefined || due > now || this.#trust === 'looking') return;
    // So late only after a pause, or when a step of the clock has been believed.
    if (this.#trust === 'hints' && now - due > PAUSE_MS) this.#pauseNoticed();
    if (this.#trust === 'shaken') {
      void this.#look();
      return;
    }
    events.push(...store.expireUntil(now));
    this.#trust = hintsAreComplete() ? 'hints' : 'shaken';
  }

  /** Compares what can end or save a lease with the disk; the leases that are due end in the turn after it. */
  async #look(): Promise<void> {
    this.#trust = 'looking';
    await Promise.all(LEASE_KINDS.map((kind) => this.services.rescan(kind)));
    this.#trust = 'looked';
    this.#schedule();
  }

  #sleepUntilNextLease(): void {
    this.#cancelNap?.();
    const { clock, store } = this.services;
    const next = this.#trust === 'looking' ? undefined : store.leases.nextDeadline();
    const untilNextMs = Math.max(0, (next ?? Infinity) - this.#leaseTime.now());
    const napMs = Math.min(untilNextMs, this.#leaseTime.doubtEndsInMs, LONGEST_NAP_MS);
    const wakeAt = clock.elapsed() + napMs;
    this.#cancelNap = clock.after(napMs, () => {
      if (clock.elapsed() - wakeAt > PAUSE_MS) this.#pauseNoticed();
      // The turn comes after the loop has looked for hints once more.
      this.#schedule();
    });
  }

  #pauseNoticed(): void {
    if (this.#trust === 'hints') this.#trust = 'shaken';
    this.services.reconcileSoon('the process was paused');
  }
}

const LEASE_KINDS: readonly Kind[] = ['reservation', 'heartbeat', 'release'];

const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;

/** Once for each file and problem. */
export function warnOfProblem(warnings: Warnings, kind: Kind, id: string, problem: Problem): void {
  const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
  warnings.once(`${file} ${problem}`, { file, problem }, 'file cannot be read as a record');
}
