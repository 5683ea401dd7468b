import { crc32 } from 'node:zlib';
import type { UnixMillis } from '../../protocol/index.js';
import { DamagedJournalError } from './entries.js';
import type { JournalStorage, OpenFile } from './storage.js';

/** Of the files and of what is in them; a journal of another is not read. */
export const JOURNAL_FORMAT = 1;

/** How many journals that were found damaged are kept for whoever wants to know why. */
const MAX_SET_ASIDE = 3;

const CHUNK_BYTES = 1_048_576;
const MAX_HEADER_BYTES = 65_536;

const NAME = 'journal';
const HEADER_FILE = 'header.json';
const MARK_FILE = 'sent';
/** Of a table's file; nobody makes as many as there are numbers in it. */
const TABLE = /^(\d{1,12})\.mdb(-lock)?$/;
const DAMAGED = `${NAME}.damaged-`;

/** What `header.json` says, before anything else in the journal is opened. */
export interface Header {
  readonly format: number;
  readonly epoch: string;
  /** The table's file. */
  readonly file: string;
  /** Of the table's file: a journal that was copied is not the one that goes on. */
  readonly inode: string;
  /** The boot during which it was in use; `null` where the platform does not say. */
  readonly boot: string | null;
  /** Written as the last act of an orderly stop, and taken away before the next first write. */
  readonly seal: Seal | null;
}

/** The table's file, byte for byte. */
export interface Seal {
  readonly revision: number;
  readonly bytes: number;
  readonly crc32: number;
}

/**
 * The names and small files in the journal's directory. All of it lies in a directory of this user's alone, and what is in that is
 * proven to be so before it is opened.
 */
export class JournalDir {
  #directory: JournalStorage | undefined;

  /** @param parent the directory in which the journal's is. It may be made anew while the journal is kept. */
  constructor(private readonly parent: () => JournalStorage) {}

  /** Opens the directory, and makes it where it is missing. */
  ensure(): void {
    if (this.#directory?.isIntact() === true) return;
    this.close();
    this.#directory = this.parent().directory(NAME);
  }

  close(): void {
    this.#directory?.close();
    this.#directory = undefined;
  }

  /** The path of a table's file, proven to be this user's alone; made where it is missing. */
  file(name: string): string {
    return this.#open.fileFor(name);
  }

  /** The mark's file, opened to read and write. */
  openMark(): OpenFile {
    return this.#open.openFile(MARK_FILE);
  }

  /** The mark's file, opened; `undefined` where there is none. */
  openExistingMark(): OpenFile | undefined {
    return this.#open.stats(MARK_FILE) === undefined ? undefined : this.openMark();
  }

  /** Whether a table's file is still where it was opened: one that was removed is written to, and is nobody's journal. */
  hasTable(name: string): boolean {
    return this.#directory?.isIntact() === true && this.#directory.stats(name) !== undefined;
  }

  /** A name that no file here has. */
  nextFile(): string {
    const taken = this.#open.names().map((name) => Number(TABLE.exec(name)?.[1] ?? 0));
    return `${String(Math.max(0, ...taken) + 1)}.mdb`;
  }

  /** @throws Error where the table's file is missing. */
  inode(name: string): string {
    const stats = this.#open.stats(name);
    if (stats === undefined) throw new Error(`${name} is missing`);
    return String(stats.ino);
  }

  /** @throws Error where the table's file is missing. */
  size(name: string): number {
    return Number(this.#open.stats(name)!.size);
  }

  /**
   * @returns `undefined` where there is no journal.
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

  /** Whoever reads sees the old header or the new one; on return it is on the disk. */
  writeHeader(header: Header): void {
    const json = JSON.stringify(header);
    this.#open.replace(HEADER_FILE, `${json}\n${checkOf(json)}\n`, true);
  }

  /** From here on there is no journal: whatever comes next begins a new epoch. */
  removeHeader(): void {
    this.#open.remove(HEADER_FILE);
    this.#open.sync();
  }

  /** Removes tables that are no longer, or not yet, the journal's. */
  removeTablesExcept(name: string | undefined): void {
    for (const other of this.#open.names()) {
      if (name !== undefined && (other === name || other === `${name}-lock`)) continue;
      if (TABLE.test(other)) this.#open.remove(other);
    }
  }

  removeTable(name: string): void {
    for (const file of [name, `${name}-lock`]) this.#open.remove(file);
  }

  /** The seal that a table's file would have now. */
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

  /** Gives the whole journal another name. @returns that name. */
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
