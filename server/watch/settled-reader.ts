import { recordKey, type Kind, type RecordName } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Broken, Change } from '../store/change.js';
import { unreadable } from './record-reader.js';
import { warnOfUnreadable, warnOfProblem } from './record-warnings.js';
import type { Removals } from './removals.js';
import { readContained, type ContainmentServices } from './record-containment.js';
import { UnsettledFiles } from './unsettled-files.js';
import type { Warnings } from './warnings.js';

export interface SettledReaderServices extends ContainmentServices {
  readonly clock: Clock;
  readonly warnings: Warnings;
  readonly settleMs: number;
}

/** Reads files, and holds back the results that must not be published yet: half-written, unreadable and missing files. */
export class SettledReader {
  readonly #unsettled: UnsettledFiles;

  constructor(
    private readonly services: SettledReaderServices,
    /** Notes which files are missing, and forgets those that exist. */
    private readonly removals: Removals,
    readAgain: (name: RecordName) => void,
  ) {
    const { store, clock, settleMs } = services;
    this.#unsettled = new UnsettledFiles(store, clock, settleMs, readAgain);
  }

  /** The number of files that cannot be read yet. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  clear(): void {
    this.#unsettled.clear();
  }

  /** See {@link UnsettledFiles.isSettling}. */
  isSettling(kind: Kind, elapsed: number, alsoTorn: boolean): boolean {
    return this.#unsettled.isSettling(kind, elapsed, alsoTorn);
  }

  /** See {@link UnsettledFiles.isUnread}. */
  isUnread(elapsed: number, only?: RecordName): boolean {
    return this.#unsettled.isUnread(elapsed, only);
  }

  /** @returns the change that is to be published now; `undefined` if there is none yet. */
  read(kind: Kind, id: string): Change | undefined {
    const { store, warnings } = this.services;
    const key = recordKey(kind, id);
    const reading = readContained(this.services, kind, id);
    if (reading.is === 'unseen') {
      this.#unsettled.settled(key);
      this.removals.forget(kind, id);
      return undefined;
    }
    if (reading.is === 'absent') {
      this.#unsettled.settled(key);
      if (store.get(kind, id)) this.removals.note({ kind, id });
      return undefined;
    }
    this.removals.forget(kind, id);
    if (reading.is === 'present') {
      this.#unsettled.settled(key);
      return reading;
    }
    const change: Broken = reading.is === 'unavailable' ? unreadable(reading) : reading;
    const isKnown = store.get(kind, id)?.problem === change.problem;
    if (this.#unsettled.met(key, { kind, id }, reading, isKnown) === 'wait') return undefined;
    if (reading.is === 'unavailable') warnOfUnreadable(warnings, reading);
    else warnOfProblem(warnings, kind, id, change.problem);
    return change;
  }
}
