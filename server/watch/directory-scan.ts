import { KIND_DIRECTORIES, type Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { sameSignature } from '../store/change.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { RecordVersion } from '../store/record-version.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import type { CheckedDirectories } from './checked-directories.js';
import { namesIn } from './directory-names.js';
import { errorCode } from './files.js';
import type { IgnoredFiles } from './ignored-files.js';
import { signatureAt } from './record-reader.js';

/** A slice of a scan keeps the loop for at most this long. */
const SLICE_MS = 2;
const LOOK_AT_TIME_EVERY = 32;
/** A file that changed so shortly before it was read may have changed again with the same time and size. */
const CLOCK_GRAIN_MS = 50;

export interface ScanServices {
  readonly store: CurrentRecords;
  readonly directories: CheckedDirectories;
  readonly clock: Clock;
  readonly ignored: IgnoredFiles;
  /** Called for every record that does not look as it did when it was read. */
  hint(kind: Kind, id: string): void;
  /** Called for every record that is not listed, where looking for its file would find one whose name differs in case. */
  missing(kind: Kind, id: string): void;
}

/** What one comparison cost and found. */
export interface ScanReport {
  readonly files: number;
  readonly differences: number;
  /** Time that the loop was kept busy, milliseconds. */
  readonly busyMs: number;
}

/** A directory cannot be compared: it could not be listed, or it is not known which one it is. */
export class UnseenDirectoryError extends Error {
  override readonly name = 'UnseenDirectoryError';
}

/** Compares a kind's directory with the store by names and signatures, in slices; reading is left to whoever gets the hints. */
export class DirectoryScan {
  /** When the last scan of a kind began, to tell which readings it has already looked at. */
  readonly #startedAt = new Map<Kind, number>();
  readonly #turns: ScanTurns;

  constructor(private readonly services: ScanServices) {
    this.#turns = new ScanTurns(services.clock);
  }

  /** @throws UnseenDirectoryError */
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
    const foldsCase = this.services.directories.foldsCase(kind);
    const missing = (id: string): void => {
      differences++;
      this.services.missing(kind, id);
    };
    for (const name of this.#names(kind)) {
      const id = this.services.ignored.idOf(kind, name, 'scan');
      if (id === undefined) continue;
      seen.add(id);
      if (this.#differs(kind, id, previous)) hint(id);
      if (slices.isOver()) await slices.yieldToLoop();
    }
    for (const id of store.ids(kind)) {
      // What is not listed may be gone: the reading will tell, where it finds no file of another name.
      if (!seen.has(id)) {
        if (foldsCase) missing(id);
        else hint(id);
      }
      if (slices.isOver()) await slices.yieldToLoop();
    }
    return { files: seen.size, differences, busyMs: slices.busyMs };
  }

  /** Of a directory that its parent has not, there are none. */
  *#names(kind: Kind): Generator<string> {
    const { directories } = this.services;
    const standing = directories.standing(kind);
    if (standing.is === 'absent') return;
    if (standing.is === 'unknown') throw new UnseenDirectoryError(standing.why);
    try {
      yield* namesIn(directories.files, directories.path(kind));
    } catch (error) {
      throw new UnseenDirectoryError(`${KIND_DIRECTORIES[kind]}/ cannot be listed: ${errorCode(error)}`);
    }
    if (!directories.isStill(kind)) throw new UnseenDirectoryError(`${KIND_DIRECTORIES[kind]}/ was replaced`);
  }

  #differs(kind: Kind, id: string, previousScan: number): boolean {
    const { store, directories } = this.services;
    const known = store.get(kind, id);
    return (
      known === undefined ||
      !sameSignature(known.signature, signatureAt(directories.files, directories.file(kind, id))) ||
      isRacy(known, previousScan)
    );
  }
}

/** Looked at by no scan since it was read, and read within the clock's grain of its last change. */
export function isRacy({ observedAt, signature }: RecordVersion, previousScan = 0): boolean {
  if (signature === undefined || observedAt < previousScan) return false;
  return observedAt - Number(signature.mtimeNs / 1_000_000n) < CLOCK_GRAIN_MS;
}

/** What the scans of all kinds, which go on side by side, take together of one turn of the loop. */
class ScanTurns {
  readonly #turns: TurnLoop;
  #turn: Turn | undefined;
  #lookedAt = 0;

  constructor(private readonly clock: Clock) {
    // Nothing waits for a step: a scan goes on by itself, in another turn.
    this.#turns = new TurnLoop(clock, SLICE_MS, () => false);
  }

  /** @returns milliseconds since any of the scans looked before in this turn, and whether its time is used up. */
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
    return new Promise((resolve) => {
      this.clock.nextTurn(resolve);
    });
  }
}

/** Gives the loop back to others every so often, and counts what was taken of it. */
class Slices {
  busyMs = 0;
  #count = 0;

  constructor(private readonly turns: ScanTurns) {}

  /** Asked after each record; looks at the time after some. */
  isOver(): boolean {
    if (++this.#count % LOOK_AT_TIME_EVERY !== 0) return false;
    const { passedMs, isSpent } = this.turns.look();
    this.busyMs += passedMs;
    return isSpent;
  }

  yieldToLoop(): Promise<void> {
    return this.turns.next();
  }
}
