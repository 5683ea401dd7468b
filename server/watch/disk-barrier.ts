import { KINDS, type Kind, type RecordName } from '../../protocol/index.js';
import { delay, nextTurn, type Clock } from '../runtime/clock.js';
import { StoppedError } from '../runtime/stopped-error.js';
import type { Ingest } from './ingest.js';
import type { LinkedFiles } from './linked-files.js';
import type { FallbackChecks } from './fallback-checks.js';
import type { Reconciler } from './reconciler.js';
import type { Visibility } from './visibility.js';

/** How often it is looked whether a file that could not be read was read meanwhile. */
const UNREAD_MS = 5;

export interface BarrierParts {
  readonly clock: Clock;
  readonly visibility: Visibility;
  readonly fallback: FallbackChecks;
  readonly ingest: Ingest;
  readonly reconciler: Reconciler;
  readonly linked: LinkedFiles;
}

/**
 * Reads what was on disk at a call. Where hints are known to have told all changes, it waits for the hints: a comparison of twenty thousand
 * files takes a tenth of a second of the processor, and each question about holders, and so each edit of an agent, would wait for one.
 */
export class DiskBarrier {
  #isStopped = false;

  constructor(private readonly parts: BarrierParts) {}

  /** To be called when nothing is read any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Resolves when this record, or everything, that was on disk at the call has been published.
   * @throws StoppedError if it was stopped before: what was not read may say anything
   */
  async reach(record: RecordName | undefined): Promise<void> {
    await this.#read(record);
    if (this.#isStopped) throw new StoppedError();
  }

  async #read(record: RecordName | undefined): Promise<void> {
    const { clock, visibility, fallback, ingest, reconciler } = this.parts;
    visibility.verify();
    if (record) {
      await ingest.readNow(record);
      await this.#untilRead(record);
      return;
    }
    const isHinted = fallback.hintedUpToNow();
    // A change before the call has given its hint when the loop has polled after it. The first turn may come without a poll.
    await nextTurn(clock);
    await nextTurn(clock);
    await ingest.drain();
    const known = visibility.known();
    const unhinted = KINDS.filter((kind) => !isHinted(kind) || !known.has(kind) || !this.#hasAllHints(kind));
    if (unhinted.length > 0) {
      // A scan that is running may already have passed a file that was written after the scan began. So a new one is needed.
      await Promise.all(unhinted.map((kind) => reconciler.rescan(kind)));
      await ingest.drain();
    }
    await this.#untilRead();
  }

  /**
   * A file that cannot be read for the moment may say that an address is reserved. It is read again, and after the settle time it is
   * published that it cannot be read: before that nothing would tell a client that something is not known.
   */
  async #untilRead(only?: RecordName): Promise<void> {
    const { clock, ingest } = this.parts;
    const from = clock.elapsed();
    if (!ingest.isUnread(from, only)) return;
    while (ingest.isUnread(from, only)) await delay(clock, UNREAD_MS);
    await ingest.drain();
  }

  /** Whether no hint about a kind's files can have been lost, or be missing because of what the files are. */
  #hasAllHints(kind: Kind): boolean {
    const { ingest, reconciler, linked } = this.parts;
    return !ingest.hasBurst && reconciler.hasAllHints(kind) && !linked.isAny(kind);
  }
}
