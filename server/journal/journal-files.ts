import type { Epoch, Revision } from '../../protocol/index.js';
import { bootId } from '../repository/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Cut } from '../store/current-records.js';
import type { LeaseView } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { HighWaterMark } from './high-water-mark.js';
import { probe } from './integrity-check.js';
import { JOURNAL_FORMAT, JournalDir, type Seal } from './journal-dir.js';
import { JournalWriter, type Retention } from './journal-writer.js';
import { openLmdbTable } from './lmdb-table.js';
import { recoverOrBeginAgain } from './look-back.js';
import type { RecoveryResult } from './recovery.js';
import type { JournalStorage } from './storage.js';
import type { OpenTable, Table } from './table.js';

export interface JournalFileServices {
  /** The directory in which the journal has its own. */
  readonly parent: () => JournalStorage;
  readonly clock: Clock;
  readonly log: Log;
  /** @default LMDB */
  readonly openTable?: OpenTable;
  /** Reads a table where that can do no harm. @default in another process */
  readonly probe?: (path: string) => Promise<void>;
  /** Which boot of the machine this is; `undefined` where that is not known. @default asked of the system */
  readonly boot?: () => string | undefined;
}

/** What a table holds when it is written as a whole: what stands at one moment, and what has led there. */
export interface Whole {
  readonly epoch: Epoch;
  /** The revision before the first event. */
  readonly base: Revision;
  readonly cut: Cut;
  readonly leases: LeaseView;
  readonly events: readonly StoreEvent[];
}

/** A table that is being written on. */
export interface WrittenTable {
  readonly writer: JournalWriter;
  readonly file: string;
}

/** The files of a journal, and which of them counts: the header names the table, beside a mark that is kept. */
export class JournalFiles {
  readonly #dir: JournalDir;
  readonly #mark: HighWaterMark;
  readonly #openTable: OpenTable;
  readonly #probe: (path: string) => Promise<void>;
  readonly #boot: () => string | undefined;
  /** The mark is kept no longer, and the header that needs it could not be removed: the next start would use revisions twice. */
  #mustForget = false;

  constructor(private readonly services: JournalFileServices) {
    this.#dir = new JournalDir(services.parent);
    this.#mark = new HighWaterMark(this.#dir);
    this.#openTable = services.openTable ?? openLmdbTable;
    this.#probe = services.probe ?? probe;
    this.#boot = services.boot ?? bootId;
  }

  /** Reads what an earlier run has left. */
  recover(): Promise<RecoveryResult> {
    const { clock, log } = this.services;
    const [dir, mark, openTable] = [this.#dir, this.#mark, this.#openTable];
    return recoverOrBeginAgain({ dir, mark, openTable, probe: this.#probe, boot: this.#boot(), clock, log });
  }

  /** Sees to it that the mark is not before a revision. @throws Error where it cannot be written; the journal is forgotten then. */
  advanceMark(last: Revision): void {
    if (this.#mustForget) this.#removeHeader();
    this.#orForget(() => {
      this.#mark.advanceTo(last);
    });
  }

  /** Everything up to a revision is in the table, and nothing waits. @throws Error where the mark cannot be written. */
  setMark(last: Revision): void {
    this.#mark.set(last);
  }

  /** Whether a table is still where it was opened. */
  hasTable(file: string): boolean {
    return this.#dir.hasTable(file);
  }

  /**
   * Writes everything into a new table; the old one stands until that is done.
   * @param isWanted asked at the end: only then is the new one the journal's.
   * @throws Error where that fails; the new table is removed.
   */
  async writeAnew(whole: Whole, retention: Retention, isWanted: () => boolean): Promise<WrittenTable> {
    const { epoch, base, cut, leases, events } = whole;
    // A header is only good beside a mark that is kept.
    this.#orForget(() => {
      this.#dir.ensure();
      this.#mark.open(epoch, cut.revision);
      this.#mustForget = false;
    });
    const file = this.#dir.nextFile();
    const writer = new JournalWriter(await this.#openNew(file), epoch, retention, base);
    try {
      await writer.writeAll(cut, leases, events, () => this.#openTable(this.#dir.file(file)));
      if (!isWanted()) throw new Error('given up');
      this.#writeHeader(epoch, file, null);
    } catch (error) {
      await writer.close().catch(() => undefined);
      this.#dir.removeTable(file);
      throw error;
    }
    this.#dir.removeTablesExcept(file);
    return { writer, file };
  }

  /** The last act of an orderly stop: the header says what a table that is closed is, byte for byte. */
  seal(epoch: Epoch, { writer, file }: WrittenTable): void {
    this.#writeHeader(epoch, file, this.#dir.sealOf(file, writer.newest));
  }

  close(): void {
    if (this.#mustForget) this.#removeHeader();
    this.#mark.close();
    this.#dir.close();
  }

  async #openNew(file: string): Promise<Table> {
    try {
      return await this.#openTable(this.#dir.file(file), 'at the end');
    } catch (error) {
      this.#dir.removeTable(file);
      throw error;
    }
  }

  #writeHeader(epoch: Epoch, file: string, seal: Seal | null): void {
    const [inode, boot] = [this.#dir.inode(file), this.#boot() ?? null];
    this.#dir.writeHeader({ format: JOURNAL_FORMAT, epoch, file, inode, boot, seal });
  }

  /** Better no journal than one that does not know which revisions are taken. */
  #orForget(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#mark.close();
      this.#removeHeader();
      throw error;
    }
  }

  /** Where that fails, it is tried again before each turn is told, and at the end: a disk that was full may have room by then. */
  #removeHeader(): void {
    try {
      this.#dir.removeHeader();
      this.#mustForget = false;
    } catch (error) {
      if (!this.#mustForget) this.services.log.error({ err: error }, 'the journal can be neither kept nor removed');
      this.#mustForget = true;
    }
  }
}
