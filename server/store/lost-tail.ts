import type { Epoch, Revision } from '../../protocol/index.js';
import type { StoreEvent } from './store-event.js';

/** The end of a history that a journal lacks, because the run that made it was killed. */
export interface LostTail {
  readonly epoch: Epoch;
  /** The last revision that the journal holds. */
  readonly after: Revision;
  /** No revision after this one has been sent to anybody. */
  readonly upTo: Revision;
}

/** What is found of a history elsewhere. */
export interface FoundTail {
  /** The revision up to which everything was sent there. It may be before the end of the journal. */
  readonly reached: Revision;
  /** Every event after the journal's last revision, up to `reached`. */
  readonly events: readonly StoreEvent[];
}

/** Looks elsewhere for events that a journal has lost. @returns `undefined` if nobody can go on with what is found there. */
export type FindElsewhere = (lost: LostTail) => Promise<FoundTail | undefined>;
