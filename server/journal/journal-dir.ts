import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { UnixMillis } from '../../protocol/index.js';
import { crc32 } from './checksum.js';
import { DamagedJournalError } from './entries.js';

/** Of the files and of what is in them; a journal of another is not read. */
export const JOURNAL_FORMAT = 1;

/** How many journals that were found damaged are kept for whoever wants to know why. */
const MAX_SET_ASIDE = 3;

const CHUNK_BYTES = 1_048_576;

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

/** The names and small files in `.muse/bus/journal/`. */
export class JournalDir {
  constructor(readonly path: string) {}

  get markFile(): string {
    return join(this.path, 'sent');
  }

  get #headerFile(): string {
    return join(this.path, 'header.json');
  }

  file(name: string): string {
    return join(this.path, name);
  }

  ensure(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  /** A name that no file here has. */
  nextFile(): string {
    const taken = readdirSync(this.path).map((name) => Number(/^(\d+)\.mdb/.exec(name)?.[1] ?? 0));
    return `${String(Math.max(0, ...taken) + 1)}.mdb`;
  }

  inode(name: string): string {
    return String(statSync(this.file(name), { bigint: true }).ino);
  }

  /**
   * @returns `undefined` where there is no journal.
   * @throws DamagedJournalError
   */
  readHeader(): Header | undefined {
    let text: string;
    try {
      text = readFileSync(this.#headerFile, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const [json = '', check] = text.split('\n');
    if (check !== checkOf(json)) throw new DamagedJournalError('header.json does not match its checksum');
    const header = JSON.parse(json) as Header;
    if (header.format !== JOURNAL_FORMAT) {
      throw new DamagedJournalError(`its format is ${String(header.format)}, this version reads ${JOURNAL_FORMAT}`);
    }
    return header;
  }

  /** Whoever reads sees the old header or the new one; on return it is on the disk. */
  writeHeader(header: Header): void {
    const json = JSON.stringify(header);
    const temporary = `${this.#headerFile}.tmp`;
    try {
      writeFileSync(temporary, `${json}\n${checkOf(json)}\n`, { mode: 0o600 });
      syncFile(temporary);
      renameSync(temporary, this.#headerFile);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    this.#sync();
  }

  /** From here on there is no journal: whatever comes next begins a new epoch. */
  removeHeader(): void {
    rmSync(this.#headerFile, { force: true });
    this.#sync();
  }

  /** Removes tables that are no longer, or not yet, the journal's. */
  removeTablesExcept(name: string | undefined): void {
    for (const other of readdirSync(this.path)) {
      if (name !== undefined && (other === name || other === `${name}-lock`)) continue;
      if (/^\d+\.mdb(-lock)?$/.test(other)) rmSync(this.file(other), { force: true });
    }
  }

  removeTable(name: string): void {
    for (const path of [this.file(name), this.file(`${name}-lock`)]) rmSync(path, { force: true });
  }

  /** The seal that a table's file would have now. */
  sealOf(name: string, revision: number): Seal {
    const file = openSync(this.file(name), 'r');
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      let bytes = 0;
      let check = 0;
      for (;;) {
        const count = readSync(file, chunk, 0, CHUNK_BYTES, bytes);
        if (count === 0) return { revision, bytes, crc32: check };
        check = crc32(chunk.subarray(0, count), check);
        bytes += count;
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives the whole journal another name. @returns that name. */
  setAside(now: UnixMillis): string {
    const stamp = new Date(now).toISOString().replaceAll(':', '-');
    let name = `${basename(this.path)}.damaged-${stamp}`;
    const parent = dirname(this.path);
    while (readdirSync(parent).includes(name)) name += 'x';
    renameSync(this.path, join(parent, name));
    const kept = readdirSync(parent).filter((other) => other.startsWith(`${basename(this.path)}.damaged-`));
    for (const old of kept.sort().slice(0, -MAX_SET_ASIDE)) rmSync(join(parent, old), { recursive: true, force: true });
    return name;
  }

  #sync(): void {
    // Windows opens no directories, and writes renames through by itself.
    if (process.platform !== 'win32') syncFile(this.path);
  }
}

function checkOf(json: string): string {
  return crc32(Buffer.from(json)).toString(16);
}

function syncFile(path: string): void {
  const file = openSync(path, process.platform === 'win32' ? 'r+' : 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
