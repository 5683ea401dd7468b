import type { Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Broken, Change } from '../store/change.js';
import { keyOf, type RecordName } from './record-name.js';
import { unreadable } from './record-reader.js';
import { sayUnreadable, warnOfProblem } from './record-warnings.js';
import type { Removals } from './removals.js';
import { readOne, type TakeInServices } from './take-in.js';
import { UnsettledFiles } from './unsettled-files.js';
import type { Warnings } from './warnings.js';

export interface SettledReaderServices extends TakeInServices {
  readonly clock: Clock;
  readonly warnings: Warnings;
  readonly settleMs: number;
}

/** Reads files, and keeps back what is to be told of none yet: the half-written, the unreadable and the missing. */
export class SettledReader {
  readonly #unsettled: UnsettledFiles;

  constructor(
    private readonly services: SettledReaderServices,
    /** Is told of what is missing, and of what is there. */
    private readonly removals: Removals,
    readAgain: (name: RecordName) => void,
  ) {
    const { store, clock, settleMs } = services;
    this.#unsettled = new UnsettledFiles(store, clock, settleMs, readAgain);
  }

  /** Files that cannot be read yet. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  clear(): void {
    this.#unsettled.clear();
  }

  /** Whether a file of the kind, met before `elapsed`, still has time: nothing has been announced of what was met. */
  isSettling(kind: Kind, elapsed: number, alsoTorn: boolean): boolean {
    return this.#unsettled.isSettling(kind, elapsed, alsoTorn);
  }

  /** @returns what is to be told of it now; `undefined` where that is nothing yet. */
  read(kind: Kind, id: string): Change | undefined {
    const { store, warnings } = this.services;
    const key = keyOf(kind, id);
    const reading = readOne(this.services, kind, id);
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
    if (reading.is === 'unavailable') sayUnreadable(warnings, reading);
    else warnOfProblem(warnings, kind, id, change.problem);
    return change;
  }
}
