import { KINDS, type Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { isPrompt, mayEndLeases, type Completeness } from './completeness.js';
import { grainMs, inMs } from './time-grain.js';

/** What the status of a directory says about its entries. */
export interface Glance {
  /** Differs whenever an entry was made, renamed or removed, as finely as the file system keeps time. */
  readonly mark: string;
  readonly changedNs: bigint;
}

export interface SweepServices {
  readonly clock: Clock;
  completeness(): Completeness;
  /** Looks at a kind's directory; `undefined` if it is not open or not there. */
  glance(kind: Kind): Glance | undefined;
  /** Compares a directory with the store. @returns whether the directory could be seen. */
  rescan(kind: Kind): Promise<boolean>;
}

/**
 * Finds the directories whose entries have changed without a hint, by the times in their status. It reads no file and lists no
 * directory: a look at all of them takes a few microseconds each.
 */
export class Sweep {
  /** The mark of each directory up to which all changes have been read, or have given hints. */
  readonly #known = new Map<Kind, string>();
  /** The kinds of which a hint came since the last look. */
  readonly #hinted = new Set<Kind>();

  constructor(private readonly services: SweepServices) {}

  hinted(kind: Kind): void {
    this.#hinted.add(kind);
  }

  /** Takes the directories as they are. To be called before their files are loaded. */
  begin(): void {
    for (const kind of KINDS) this.#take(kind, this.services.glance(kind));
  }

  /** Looks at each directory, and compares those that changed without a hint. */
  look(): void {
    const unhinted: Kind[] = [];
    for (const kind of KINDS) if (!this.#isHinted(kind)) unhinted.push(kind);
    if (unhinted.length === 0) return;
    // The hint of a change may be waiting in the kernel: the next turn comes after the loop has polled.
    this.services.clock.nextTurn(() => {
      for (const kind of unhinted) {
        const glance = this.services.glance(kind);
        if (this.#isHinted(kind, glance)) continue;
        // The mark is older than the comparison, so that a change during it is another one.
        this.#take(kind, glance);
        void this.services.rescan(kind).then((isSeen) => {
          if (!isSeen) this.#known.delete(kind);
        });
      }
    });
  }

  /** Whether hints alone tell all that may decide about leases: a directory of these kinds has not changed without one. */
  hintsSuffice(kinds: readonly Kind[]): boolean {
    return mayEndLeases(this.services.completeness()) && kinds.every((kind) => this.#isHinted(kind));
  }

  /**
   * Looks at the directories now. @returns whether hints have told all changes up to now in a kind's directory, to be asked when the loop has
   * polled since. Later changes do not matter: while agents write, there always are some.
   */
  hintedUpToNow(): (kind: Kind) => boolean {
    const marks = new Map(KINDS.map((kind) => [kind, this.services.glance(kind)?.mark]));
    return (kind) => {
      if (!mayEndLeases(this.services.completeness())) return false;
      const mark = marks.get(kind);
      // A directory that is not there is noticed by the check of the directories.
      return mark === undefined || this.#known.get(kind) === mark || this.#hinted.has(kind);
    };
  }

  /** Whether a directory is as it was, or hints that name each of its changes have come. */
  #isHinted(kind: Kind, glance = this.services.glance(kind)): boolean {
    // A directory that is not there is noticed by the check of the directories.
    if (glance === undefined) return true;
    if (this.#known.get(kind) === glance.mark) {
      this.#hinted.delete(kind);
      return true;
    }
    const completeness = this.services.completeness();
    // Where another end may write, a hint of a change here says nothing about a change there.
    if (!this.#hinted.has(kind) || !isPrompt(completeness) || completeness.otherEnd !== 'none') return false;
    this.#hinted.delete(kind);
    this.#known.set(kind, glance.mark);
    return true;
  }

  #take(kind: Kind, glance: Glance | undefined): void {
    this.#hinted.delete(kind);
    if (glance === undefined || (this.#isFresh(glance) && !isPrompt(this.services.completeness()))) {
      this.#known.delete(kind);
    } else {
      this.#known.set(kind, glance.mark);
    }
  }

  /** Whether a directory may change again without another time of change. */
  #isFresh({ changedNs }: Glance): boolean {
    return this.services.clock.now() - inMs(changedNs) < grainMs(changedNs);
  }
}
