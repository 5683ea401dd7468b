import { KIND_DIRECTORIES, type Kind } from '../../protocol/index.js';
import { nextTurn, type Clock } from '../runtime/clock.js';
import { sameSignature } from '../store/change.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { RecordVersion } from '../store/record-version.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import type { CheckedDirectories } from './checked-directories.js';
import { namesIn } from './directory-names.js';
import { errorCode } from './files.js';
import type { IgnoredFiles } from './ignored-files.js';
import type { LinkedFiles } from './linked-files.js';
import { signatureAt } from './record-reader.js';
import { grainMs, inMs } from './time-grain.js';

/** A slice of a scan occupies the loop for at most this long. */
const SLICE_MS = 2;
/** The clock is read after this many records. */
const LOOK_AT_TIME_EVERY = 32;

export interface ScanServices {
  readonly store: CurrentRecords;
  readonly directories: CheckedDirectories;
  readonly clock: Clock;
  readonly ignored: IgnoredFiles;
  readonly linked: LinkedFiles;
  /** Called for each record whose file may differ from what was last read. */
  hint(kind: Kind, id: string): void;
  /** Called for each record whose file is not listed, where its name may find a file whose name is spelt otherwise. */
  missing(kind: Kind, id: string): void;
}

/** What one comparison cost and found. */
export interface ScanReport {
  readonly files: number;
  readonly differences: number;
  /** How long the loop was occupied, in milliseconds. */
  readonly busyMs: number;
}

/** A directory cannot be compared: it cannot be listed, or is not the one that was checked. */
export class UnseenDirectoryError extends Error {
  override readonly name = 'UnseenDirectoryError';
}

/** Compares a kind's directory with the store by names and signatures, in slices. It gives hints and reads no file. */
export class DirectoryScan {
  /** When the last scan of a kind began, to tell which readings it has already compared. */
  readonly #startedAt = new Map<Kind, number>();
  readonly #turns: ScanTurns;

  constructor(private readonly services: ScanServices) {
    this.#turns = new ScanTurns(services.clock);
  }

  /** Compares one directory. @throws UnseenDirectoryError if it cannot be compared. */
  async run(kind: Kind): Promise<ScanReport> {
    const { clock, store } = this.services;
    const previous = this.#startedAt.get(kind) ?? 0;
    this.#startedAt.set(kind, clock.now());
    const slices = new Slices(this.#turns);
    const seen = new Set<string>();
    let differences = 0;
    const hint = (id: string): void => {
      differences++;
      this.services.hint(kind, id);
    };
    const missing = (id: string): void => {
      differences++;
      this.services.missing(kind, id);
    };
    for (const name of this.#names(kind)) {
      const id = this.services.ignored.idOf(kind, name, 'scan');
      if (id === undefined) continue;
      seen.add(id);
      if (this.#differs(kind, id, previous)) hint(id);
      if (slices.count()) await slices.yieldToLoop();
    }
    for (const id of store.ids(kind)) {
      // A file that is not listed may be gone. A reading proves it, unless it would find a file whose name is spelt otherwise.
      if (!seen.has(id)) {
        if (this.services.directories.folds(kind, id)) missing(id);
        else hint(id);
      }
      if (slices.count()) await slices.yieldToLoop();
    }
    return { files: seen.size, differences, busyMs: slices.busyMs };
  }

  /** The names in a kind's directory. A directory that does not exist in its parent has none. */
  *#names(kind: Kind): Generator<string> {
    const { directories } = this.services;
    const state = directories.stateOf(kind);
    if (state.is === 'absent') return;
    if (state.is === 'unknown') throw new UnseenDirectoryError(state.why);
    try {
      yield* namesIn(directories.files, directories.path(kind));
    } catch (error) {
      throw new UnseenDirectoryError(`${KIND_DIRECTORIES[kind]}/ cannot be listed: ${errorCode(error)}`);
    }
    if (!directories.isStill(kind)) throw new UnseenDirectoryError(`${KIND_DIRECTORIES[kind]}/ was replaced`);
  }

  #differs(kind: Kind, id: string, previousScan: number): boolean {
    const { store, directories, linked } = this.services;
    const known = store.get(kind, id);
    return (
      known === undefined ||
      // Only another reading tells whether the other name is still there.
      linked.has(kind, id) ||
      !sameSignature(known.signature, signatureAt(directories.files, directories.file(kind, id))) ||
      isRacy(known, previousScan)
    );
  }
}

/**
 * Whether a file may have changed since it was read, with the same times and size: it was read within the grain of its last change, and no
 * scan has begun after that. A time in the future is of another clock, so one scan is all that can be done about it.
 */
export function isRacy({ observedAt, signature }: RecordVersion, previousScan = 0): boolean {
  if (signature === undefined) return false;
  const { mtimeNs, changedNs = mtimeNs } = signature;
  const lastNs = changedNs > mtimeNs ? changedNs : mtimeNs;
  const changedAt = inMs(lastNs);
  if (changedAt > observedAt) return observedAt >= previousScan;
  return Math.max(observedAt, previousScan) - changedAt < grainMs(lastNs);
}

/** The time that the scans of all kinds, which run concurrently, take together in one turn of the loop. */
class ScanTurns {
  readonly #turns: TurnLoop;
  #turn: Turn | undefined;
  #lookedAt = 0;

  constructor(private readonly clock: Clock) {
    // Has no steps: a scan continues by itself in another turn. Only the time of the turn is used.
    this.#turns = new TurnLoop(clock, SLICE_MS, () => false);
  }

  /** @returns the milliseconds since a scan last called this in this turn, and whether the turn's time is used up. */
  look(): { readonly passedMs: number; readonly isSpent: boolean } {
    const turn = this.#turns.current();
    const now = this.clock.elapsed();
    const passedMs = turn === this.#turn ? now - this.#lookedAt : 0;
    this.#turn = turn;
    this.#lookedAt = now;
    return { passedMs, isSpent: turn.isSpent(now) };
  }

  /** Resolves in the next turn. */
  next(): Promise<void> {
    return nextTurn(this.clock);
  }
}

/** Divides a scan into slices, and counts the time for which it occupied the loop. */
class Slices {
  busyMs = 0;
  #count = 0;

  constructor(private readonly turns: ScanTurns) {}

  /** Counts a record, and reads the clock after every 32nd. @returns whether the slice is over. */
  count(): boolean {
    if (++this.#count % LOOK_AT_TIME_EVERY !== 0) return false;
    const { passedMs, isSpent } = this.turns.look();
    this.busyMs += passedMs;
    return isSpent;
  }

  yieldToLoop(): Promise<void> {
    return this.turns.next();
  }
}
