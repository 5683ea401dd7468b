import { crc32 } from 'node:zlib';
import type { UnixMillis } from '../../protocol/index.js';
import { DamagedJournalError } from './entries.js';
import type { JournalStorage, OpenFile } from './storage.js';

/** The version of the format of the files. A journal with another version is not read. */
export const JOURNAL_FORMAT = 2;

/** The number of damaged journals that are kept, so that an operator can find the cause. */
const MAX_SET_ASIDE = 3;

/** More than the grain of any file system. */
const SEPARATE_MS = 10_000;
const CHUNK_BYTES = 1_048_576;
const MAX_HEADER_BYTES = 65_536;

const NAME = 'journal';
const HEADER_FILE = 'header.json';
const MARK_FILE = 'sent';
/** The name of a table's file. Twelve digits are more than a journal ever needs. */
const TABLE = /^(\d{1,12})\.mdb(-lock)?$/;
const DAMAGED = `${NAME}.damaged-`;

/** The content of `header.json`, which is read before any other file of the journal. */
export interface Header {
  readonly format: number;
  readonly epoch: string;
  /** The name of the table's file. */
  readonly file: string;
  /** The inode of the table's file: a copy of a journal must not be continued. */
  readonly inode: string;
  /**
   * When the file of a sealed table last changed (ctime, ns). No program can set that time, so it proves the file where a file system
   * gives it another inode at each mount. Absent if the file system keeps no such time, and in headers of earlier versions.
   */
  readonly changed?: string | undefined;
  /** The id of the boot during which the table was last in use; `null` if the platform has none. */
  readonly boot: string | null;
  /** Written as the last step of an orderly stop, and removed before the table is opened again. */
  readonly seal: Seal | null;
}

/** The last revision, the size and the checksum of a closed table's file. */
export interface Seal {
  readonly revision: number;
  readonly bytes: number;
  readonly crc32: number;
}

/**
 * The journal's directory: the names of its files, and its small files. Only this user can use the directory. Each file in it
 * is proven to be private to this user before it is opened.
 */
export class JournalDir {
  #directory: JournalStorage | undefined;

  /** @param parent the directory that contains the journal's directory. It may be recreated while the journal is in use. */
  constructor(private readonly parent: () => JournalStorage) {}

  /** Opens the directory, and makes it if it is missing. */
  ensure(): void {
    if (this.#directory?.isIntact() === true) return;
    this.close();
    this.#directory = this.parent().directory(NAME);
  }

  close(): void {
    this.#directory?.close();
    this.#directory = undefined;
  }

  /** Returns the path of a table's file, proven to be private to this user. Makes the file if it is missing. */
  file(name: string): string {
    return this.#open.fileFor(name);
  }

  /** Opens the mark's file to read and write, and makes it if it is missing. */
  openMark(): OpenFile {
    return this.#open.openFile(MARK_FILE);
  }

  /** Opens the mark's file. @returns `undefined` if there is none. */
  openExistingMark(): OpenFile | undefined {
    return this.#open.stats(MARK_FILE) === undefined ? undefined : this.openMark();
  }

  /** Whether a table's file is still in its directory. Writes to a removed file succeed, but no later run can read them. */
  hasTable(name: string): boolean {
    return this.#directory?.isIntact() === true && this.#directory.stats(name) !== undefined;
  }

  /** Returns a name that no file in the directory has. */
  nextFile(): string {
    const taken = this.#open.names().map((name) => Number(TABLE.exec(name)?.[1] ?? 0));
    return `${String(Math.max(0, ...taken) + 1)}.mdb`;
  }

  /** @throws Error if the table's file is missing. */
  inode(name: string): string {
    const stats = this.#open.stats(name);
    if (stats === undefined) throw new Error(`${name} is missing`);
    return String(stats.ino);
  }

  /** When a table's file has last changed; `undefined` if the file system keeps no such time apart from that of modification. */
  changedAt(name: string): string | undefined {
    const stats = this.#open.stats(name);
    return stats === undefined || stats.ctimeNs === stats.mtimeNs ? undefined : String(stats.ctimeNs);
  }

  /** Sets the time of modification of a table's file back, so that {@link changedAt} can tell whether there are two times. */
  separateTimes(name: string, now: UnixMillis): void {
    const file = this.#open.openFile(name);
    try {
      file.setModified(now - SEPARATE_MS);
    } finally {
      file.close();
    }
  }

  /** @throws Error if the table's file is missing. */
  size(name: string): number {
    return Number(this.#open.stats(name)!.size);
  }

  /**
   * @returns `undefined` if there is no journal.
   * @throws DamagedJournalError
   */
  readHeader(): Header | undefined {
    const found = this.#open.read(HEADER_FILE, MAX_HEADER_BYTES);
    if (found.is === 'absent') return undefined;
    if (found.is === 'refused') throw new DamagedJournalError(`${HEADER_FILE} ${found.why}`);
    const [json = '', check] = found.text.split('\n');
    if (check !== checkOf(json)) throw new DamagedJournalError('header.json does not match its checksum');
    const header = JSON.parse(json) as Header;
    if (!TABLE.test(header.file)) throw new DamagedJournalError(`${HEADER_FILE} names no table`);
    if (header.format !== JOURNAL_FORMAT) {
      throw new DamagedJournalError(`its format is ${String(header.format)}, this version reads ${JOURNAL_FORMAT}`);
    }
    return header;
  }

  /** When the header was written (ctime, ns); 0 if there is none, or if the file system does not tell. */
  headerChangedAt(): bigint {
    return this.#open.stats(HEADER_FILE)?.ctimeNs ?? 0n;
  }

  /** Replaces the header at once: readers see the old one or the new one. It is on the disk on return. */
  writeHeader(header: Header): void {
    const json = JSON.stringify(header);
    this.#open.replace(HEADER_FILE, `${json}\n${checkOf(json)}\n`, true);
  }

  /** Removes the header: there is no journal any more, so that the next run begins a new epoch. */
  removeHeader(): void {
    this.#open.remove(HEADER_FILE);
    this.#open.sync();
  }

  /** Removes all tables but the named one: old ones, and new ones that were not completed. */
  removeTablesExcept(name: string): void {
    for (const other of this.#open.names()) {
      if (TABLE.test(other) && other !== name && other !== `${name}-lock`) this.#open.remove(other);
    }
  }

  removeTable(name: string): void {
    for (const file of [name, `${name}-lock`]) this.#open.remove(file);
  }

  /** Returns the seal of a table's file as it is now. */
  sealOf(name: string, revision: number): Seal {
    const file = this.#open.openFile(name);
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      let bytes = 0;
      let check = 0;
      for (;;) {
        const count = file.read(chunk, bytes);
        if (count === 0) return { revision, bytes, crc32: check };
        check = crc32(chunk.subarray(0, count), check);
        bytes += count;
      }
    } finally {
      file.close();
    }
  }

  /** Renames the whole journal's directory. @returns the new name. */
  setAside(now: UnixMillis): string {
    const parent = this.parent();
    this.close();
    let name = `${DAMAGED}${new Date(now).toISOString().replaceAll(':', '-')}`;
    while (parent.names().includes(name)) name += 'x';
    parent.rename(NAME, name);
    const kept = parent.names().filter((other) => other.startsWith(DAMAGED));
    for (const old of kept.sort().slice(0, -MAX_SET_ASIDE)) parent.remove(old);
    return name;
  }

  get #open(): JournalStorage {
    this.ensure();
    return this.#directory!;
  }
}

function checkOf(json: string): string {
  return crc32(Buffer.from(json)).toString(16);
}
