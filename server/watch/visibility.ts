import { KIND_DIRECTORIES, KINDS, LEASE_KINDS, type Kind } from '../../protocol/index.js';
import type { RecordStore } from '../store/record-store.js';
import type { CheckedDirectories } from './checked-directories.js';
import { errorCode } from './files.js';
import type { Reconciler } from './reconciler.js';
import type { Finding, WatchState } from './watch-state.js';

export interface VisibilityServices {
  readonly directories: CheckedDirectories;
  readonly reconciler: Reconciler;
  readonly store: RecordStore;
  readonly state: WatchState;
  /** Starts to watch directories that were opened since the last call. */
  readonly rearm: () => void;
}

/**
 * Knows which parts of the repository can be seen: which directories are the ones that were checked, and which of them have
 * been compared since they were opened. The health of the bus and the end of leases depend on it. The content of a directory
 * that cannot be seen is unknown.
 */
export class Visibility {
  /** The kinds whose directories have not been compared since their last change, each with the number of that change. */
  readonly #uncompared = new Map<Kind, number>();
  #changes = 0;

  constructor(private readonly services: VisibilityServices) {}

  /** Notes that a kind's directory has to be compared: it could not be compared before, or another directory is open now. */
  distrust(kind: Kind): void {
    this.#uncompared.set(kind, ++this.#changes);
  }

  /** Compares each directory that has to be compared. */
  compareDoubted(): void {
    const { unseen } = this.services.reconciler;
    for (const kind of new Set([...this.#uncompared.keys(), ...unseen.keys()])) void this.#compare(kind);
  }

  /** Checks which directories are at the paths, and compares those that have changed. */
  verify(): void {
    const changed = this.services.directories.verify();
    this.services.rearm();
    for (const kind of changed) {
      this.distrust(kind);
      void this.#compare(kind);
    }
    this.assess();
  }

  /** Those of some kinds whose directory is known to be absent, or is the one that was checked and can be listed. Checks this now. */
  seen(kinds: readonly Kind[]): ReadonlySet<Kind> {
    // Agents remove files all the time, and mostly nothing else has happened: then only what these kinds depend on is looked at.
    if (!this.services.directories.areUnchanged(kinds)) this.verify();
    return new Set(kinds.filter((kind) => this.#isListable(kind)));
  }

  /** Those of some kinds of which every change has been read, or has caused a hint that is pending or will arrive. Checks this now. */
  known(kinds: readonly Kind[] = KINDS): ReadonlySet<Kind> {
    this.verify();
    return new Set(kinds.filter((kind) => this.#isCompared(kind) && this.#isListable(kind)));
  }

  /** Whether the directories that decide about leases have been read: else a lease that seems to have ended may have been prolonged. */
  get hasReadLeases(): boolean {
    return LEASE_KINDS.every((kind) => this.#isCompared(kind));
  }

  #isCompared(kind: Kind): boolean {
    return !this.#uncompared.has(kind) && !this.services.reconciler.unseen.has(kind);
  }

  #isListable(kind: Kind): boolean {
    const { directories, reconciler } = this.services;
    const state = directories.stateOf(kind);
    if (state.is === 'unknown') return false;
    if (state.is === 'absent') return true;
    try {
      directories.probe(kind);
      return true;
    } catch (error) {
      reconciler.cannotSee(kind, `${KIND_DIRECTORIES[kind]}/ cannot be listed: ${errorCode(error)}`);
      return false;
    }
  }

  /** Reports the present finding to the state of the watch. */
  assess(): void {
    this.services.state.found(this.#finding());
  }

  async #compare(kind: Kind): Promise<void> {
    const { directories, reconciler } = this.services;
    if (directories.stateOf(kind).is === 'unknown') return;
    const change = this.#uncompared.get(kind);
    const isSeen = await reconciler.rescan(kind);
    if (isSeen && this.#uncompared.get(kind) === change) this.#uncompared.delete(kind);
  }

  #finding(): Finding {
    const { directories, reconciler, store } = this.services;
    const { presence, absence, faults } = directories;
    if (presence === 'unreadable') return { state: 'suspect', why: absence };
    if (presence !== 'same') return { state: 'gone', why: absence };
    const whys = [...new Set([...faults, ...reconciler.unseen.values()])];
    for (const id of store.leases.unreadableHeartbeats) whys.push(`heartbeats/${id}.json cannot be read`);
    if (whys.length === 0) return { state: 'watching' };
    const others = whys.length > 1 ? ` (and ${String(whys.length - 1)} more)` : '';
    return { state: 'suspect', why: `${whys[0]!}${others}` };
  }
}
