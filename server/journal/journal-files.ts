import type { Epoch, Revision } from '../../protocol/index.js';
import { bootId } from '../repository/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Cut } from '../store/current-records.js';
import type { LeaseView } from '../store/record-store.js';
import type { Gap } from '../store/history.js';
import type { FindElsewhere } from '../store/lost-tail.js';
import type { StoreEvent } from '../store/store-event.js';
import { HighWaterMark } from './high-water-mark.js';
import { checkIntegrity } from './integrity-check.js';
import { JOURNAL_FORMAT, JournalDir, type Seal } from './journal-dir.js';
import { JournalWriter, type Retention } from './journal-writer.js';
import { openLmdbTable } from './lmdb-table.js';
import { recoverOrBeginAgain, type RecoveryResult } from './recovery.js';
import type { JournalStorage } from './storage.js';
import type { OpenTable, Table } from './table.js';

export interface JournalFileServices {
  /** The directory that contains the journal's directory. */
  readonly parent: () => JournalStorage;
  readonly clock: Clock;
  readonly log: Log;
  /** @default LMDB */
  readonly openTable?: OpenTable;
  /** Checks a table that may be damaged. @default in another process */
  readonly checkIntegrity?: (path: string) => Promise<void>;
  /** The id of this boot of the machine; `undefined` if it is not known. @default the system's */
  readonly boot?: () => string | undefined;
  /** Asks elsewhere for events that this journal has lost. @default nobody is asked */
  readonly findElsewhere?: FindElsewhere;
}

/** The content of a new table: the records at one revision, and the events that led to them. */
export interface Whole {
  readonly epoch: Epoch;
  /** The revision before the first event. */
  readonly base: Revision;
  readonly cut: Cut;
  readonly leases: LeaseView;
  readonly events: readonly StoreEvent[];
  readonly gaps: readonly Gap[];
}

/** A table in use, and the name of its file. */
export interface WrittenTable {
  readonly writer: JournalWriter;
  readonly file: string;
}

/** The files of a journal. The header names the table that is valid; it is valid only together with the mark. */
export class JournalFiles {
  readonly #dir: JournalDir;
  readonly #mark: HighWaterMark;
  readonly #openTable: OpenTable;
  readonly #checkIntegrity: (path: string) => Promise<void>;
  readonly #boot: () => string | undefined;
  /** The epoch in the header on the disk; `undefined` if no later run would continue an epoch that is served by this process. */
  #named: Epoch | undefined;

  constructor(private readonly services: JournalFileServices) {
    this.#dir = new JournalDir(services.parent);
    this.#mark = new HighWaterMark(this.#dir);
    this.#openTable = services.openTable ?? openLmdbTable;
    this.#checkIntegrity = services.checkIntegrity ?? checkIntegrity;
    this.#boot = services.boot ?? bootId;
  }

  /** Reads the journal of an earlier run. */
  async recover(): Promise<RecoveryResult> {
    const { clock, log, findElsewhere = () => Promise.resolve(undefined) } = this.services;
    const [dir, mark, openTable] = [this.#dir, this.#mark, this.#openTable];
    const found = await recoverOrBeginAgain({
      dir,
      mark,
      openTable,
      checkIntegrity: this.#checkIntegrity,
      boot: this.#boot(),
      findElsewhere,
      clock,
      log,
    });
    if (found.is !== 'nothing') this.#named = found.recovered.epoch;
    return found;
  }

  /**
   * Whether no later run can use a revision again that is told now: it is not above the mark, or no later run would continue its epoch.
   * To be asked after {@link advanceMark}.
   */
  covers(epoch: Epoch): boolean {
    return this.#named !== epoch || this.#mark.isOpen;
  }

  /** Sets the mark ahead if it is before a revision. @throws Error if it cannot be written; the header is removed then, if that can be done. */
  advanceMark(epoch: Epoch, last: Revision): void {
    if (!this.covers(epoch)) this.#removeHeader();
    this.#orRemoveHeader(epoch, () => {
      this.#mark.advanceTo(last);
    });
  }

  /** Sets the mark to the table's last revision; no event may wait. @throws Error if the mark cannot be written. */
  setMark(last: Revision): void {
    this.#mark.set(last);
  }

  /** Whether a table's file is still in the journal's directory. */
  hasTable(file: string): boolean {
    return this.#dir.hasTable(file);
  }

  /**
   * Writes everything into a new table. The old one stays valid until that is done.
   * @param isWanted called at the end: if it returns false, the new table is discarded.
   * @throws Error if it fails or the table is not wanted; the new table is removed.
   */
  async writeNewTable(whole: Whole, retention: Retention, isWanted: () => boolean): Promise<WrittenTable> {
    const { epoch, base, cut, leases } = whole;
    // A header is valid only together with a mark that is kept up to date.
    this.#orRemoveHeader(epoch, () => {
      this.#dir.ensure();
      this.#mark.open(epoch, cut.revision);
    });
    const file = this.#dir.nextFile();
    const writer = new JournalWriter(await this.#openNew(file), epoch, retention, base);
    try {
      await writer.writeAll(cut, leases, whole, () => this.#openTable(this.#dir.file(file)));
      if (!isWanted()) throw new Error('given up');
      this.#writeHeader(epoch, file, null);
      this.#named = epoch;
      this.#orRemoveHeader(epoch, () => {
        this.#mark.joinHeader();
      });
    } catch (error) {
      await writer.close().catch(() => undefined);
      this.#dir.removeTable(file);
      throw error;
    }
    this.#dir.removeTablesExcept(file);
    return { writer, file };
  }

  /** The last step of an orderly stop: writes the size and checksum of the closed table into the header. */
  seal(epoch: Epoch, { writer, file }: WrittenTable): void {
    const seal = this.#dir.sealOf(file, writer.newest);
    this.#dir.separateTimes(file, this.services.clock.now());
    this.#writeHeader(epoch, file, seal, this.#dir.changedAt(file));
  }

  close(): void {
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

  #writeHeader(epoch: Epoch, file: string, seal: Seal | null, changed?: string): void {
    const [inode, boot] = [this.#dir.inode(file), this.#boot() ?? null];
    this.#dir.writeHeader({ format: JOURNAL_FORMAT, epoch, file, inode, boot, seal, changed });
  }

  /** Removes the epoch's header if `act` throws: a journal that does not know which revisions were sent must not be continued. */
  #orRemoveHeader(epoch: Epoch, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#mark.close();
      if (this.#named === epoch) this.#removeHeader();
      throw error;
    }
  }

  #removeHeader(): void {
    try {
      this.#dir.removeHeader();
      this.#named = undefined;
    } catch (error) {
      this.services.log.error({ err: error }, 'the journal can be neither kept nor removed');
    }
  }
}
