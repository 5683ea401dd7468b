import type { PrivateReading } from '../../../server/repository/index.js';
import type { FileStatus, JournalStorage, OpenFile } from '../../../server/journal/storage.js';
import type { OpenTable, Table, TableChange } from '../../../server/journal/table.js';
import { fileError } from './simulated-disk.js';
import type { SimulatedProcess } from './simulated-process.js';

interface StoredFile {
  readonly ino: bigint;
  bytes: Buffer;
  /** What was flushed. */
  durable: Buffer | undefined;
  /** The last contents that were not flushed, the oldest first: the kernel writes each of them to the disk when it likes. */
  unflushed: Buffer[];
  /** The content of a table, by key in hex. The same map as `durableEntries` if all of it was flushed. */
  entries: Map<string, Uint8Array> | undefined;
  durableEntries: Map<string, Uint8Array>;
}

/** A process that ends may not wait for a flush that is longer. */
const LONG_FLUSH_MS = 100;
/** Of so many contents the disk may have one after a power cut. */
const MAX_UNFLUSHED = 3;

interface Folder {
  readonly ino: bigint;
  readonly files: Map<string, StoredFile>;
  readonly folders: Map<string, Folder>;
}

export interface StorageFaults {
  /** @returns the error code with which a call fails. */
  fault(call: 'write' | 'read' | 'table'): string | undefined;
  /** How long the disk takes to make a batch durable. */
  flushMs(): number;
  /** Which of so many contents a power cut leaves of a file: 0 is the one that was flushed, the last one the newest. */
  left(count: number): number;
}

/** The private storage of one machine. It survives the machine's processes, and its flushed part survives a power cut. */
export class SimulatedStorage {
  readonly #root: Folder;
  #numbers = 100n;
  /** How often a call has failed, or has taken so long that a process may not have waited for it. */
  troubles = 0;
  faults: StorageFaults = { fault: () => undefined, flushMs: () => 1, left: () => 0 };

  constructor() {
    this.#root = this.#folder();
  }

  /** The private directory, as a process opens it. */
  open(): JournalStorage {
    return new StorageDirectory(this.#root, this);
  }

  /** How a process opens tables. Each batch is written completely or not at all, and only while the process lives. */
  tables(process: Pick<SimulatedProcess, 'input'>): OpenTable {
    return (path, flushing = 'each') => {
      const file = this.#at(path);
      const code = this.failureOf('table');
      if (code !== undefined) return Promise.reject(fileError(code, path));
      file.entries ??= new Map();
      return Promise.resolve(new SimulatedTable(file, process, this, flushing === 'each'));
    };
  }

  /** @returns the code of the error with which a call fails. */
  failureOf(call: 'write' | 'read' | 'table'): string | undefined {
    const code = this.faults.fault(call);
    if (code !== undefined) this.troubles++;
    return code;
  }

  /** Loses what was not flushed, or some of it. */
  cutPower(): void {
    const cut = (folder: Folder): void => {
      for (const [name, file] of folder.files) {
        const contents = [file.durable, ...file.unflushed];
        file.durable = contents[this.faults.left(contents.length)];
        file.unflushed = [];
        if (file.durable === undefined) folder.files.delete(name);
        else file.bytes = Buffer.from(file.durable);
        if (file.entries) file.entries = file.durableEntries;
      }
      for (const inner of folder.folders.values()) cut(inner);
    };
    cut(this.#root);
  }

  newFile(): StoredFile {
    return {
      ino: ++this.#numbers,
      bytes: Buffer.alloc(0),
      durable: undefined,
      unflushed: [],
      entries: undefined,
      durableEntries: new Map(),
    };
  }

  #folder(): Folder {
    return { ino: ++this.#numbers, files: new Map(), folders: new Map() };
  }

  newFolder(): Folder {
    return this.#folder();
  }

  #at(path: string): StoredFile {
    const names = path.split('/').filter((name) => name !== '');
    let folder = this.#root;
    for (const name of names.slice(0, -1)) folder = folder.folders.get(name) ?? folder;
    const file = folder.files.get(names.at(-1)!);
    if (!file) throw fileError('ENOENT', path);
    return file;
  }
}

class StorageDirectory implements JournalStorage {
  constructor(
    private readonly folder: Folder,
    private readonly storage: SimulatedStorage,
    private readonly path = '',
    private readonly isThere: () => boolean = () => true,
  ) {}

  directory(name: string): JournalStorage {
    this.#check('write', name);
    const inner = this.folder.folders.get(name) ?? this.storage.newFolder();
    this.folder.folders.set(name, inner);
    return new StorageDirectory(
      inner,
      this.storage,
      `${this.path}/${name}`,
      () => this.folder.folders.get(name) === inner,
    );
  }

  isIntact(): boolean {
    return this.isThere();
  }

  names(): string[] {
    return [...this.folder.files.keys(), ...this.folder.folders.keys()];
  }

  /** Keeps no times: a table is known again by its inode. */
  stats(name: string): FileStatus | undefined {
    const file = this.folder.files.get(name);
    return file && { ino: file.ino, size: BigInt(file.bytes.length), mtimeNs: 0n, ctimeNs: 0n };
  }

  read(name: string): PrivateReading {
    this.#check('read', name);
    const file = this.folder.files.get(name);
    return file ? { is: 'content', text: file.bytes.toString() } : { is: 'absent' };
  }

  replace(name: string, content: string, isDurable: boolean): void {
    this.#check('write', name);
    const file = this.storage.newFile();
    file.bytes = Buffer.from(content);
    if (isDurable) file.durable = Buffer.from(content);
    this.folder.files.set(name, file);
  }

  openFile(name: string): OpenFile {
    this.#check('write', name);
    const file = this.folder.files.get(name) ?? this.storage.newFile();
    this.folder.files.set(name, file);
    return {
      read: (into, at) => {
        this.#check('read', name);
        return file.bytes.copy(into, 0, at);
      },
      write: (bytes, at) => {
        this.#check('write', name);
        const grown = Buffer.alloc(Math.max(file.bytes.length, at + bytes.length));
        file.bytes.copy(grown);
        grown.set(bytes, at);
        file.bytes = grown;
        file.unflushed.push(grown);
        if (file.unflushed.length > MAX_UNFLUSHED) file.unflushed.shift();
      },
      setModified: () => undefined,
      close: () => undefined,
    };
  }

  fileFor(name: string): string {
    this.openFile(name).close();
    return `${this.path}/${name}`;
  }

  remove(name: string): void {
    this.#check('write', name);
    this.folder.files.delete(name);
    this.folder.folders.delete(name);
  }

  rename(from: string, to: string): void {
    this.#check('write', from);
    const [file, folder] = [this.folder.files.get(from), this.folder.folders.get(from)];
    this.folder.files.delete(from);
    this.folder.folders.delete(from);
    if (file) this.folder.files.set(to, file);
    if (folder) this.folder.folders.set(to, folder);
  }

  sync(): void {
    this.#check('write', '.');
  }

  close(): void {
    // No file is kept open, so there is nothing to close.
  }

  #check(call: 'read' | 'write', name: string): void {
    const code = this.storage.failureOf(call);
    if (code !== undefined) throw fileError(code, name);
  }
}

/** Writes a whole batch or nothing, at one moment; then flushes it, if the table flushes each batch. */
class SimulatedTable implements Table {
  #isClosed = false;

  constructor(
    private readonly file: StoredFile,
    private readonly process: Pick<SimulatedProcess, 'input'>,
    private readonly storage: SimulatedStorage,
    private readonly isFlushed: boolean,
  ) {}

  *entries(prefix: number): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for (const hex of [...this.file.entries!.keys()].sort()) {
      const key = Buffer.from(hex, 'hex');
      if (key[0] === prefix) yield { key, value: this.file.entries!.get(hex)! };
    }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.file.entries!.get(Buffer.from(key).toString('hex'));
  }

  write(changes: readonly TableChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const flushMs = this.storage.faults.flushMs();
      if (flushMs > LONG_FLUSH_MS) this.storage.troubles++;
      this.process.input(flushMs, () => {
        const code = this.#isClosed ? 'EBADF' : this.storage.failureOf('table');
        if (code !== undefined) {
          reject(fileError(code, 'table'));
          return;
        }
        const entries = this.#entriesToChange();
        for (const { key, value } of changes) {
          const hex = Buffer.from(key).toString('hex');
          if (value) entries.set(hex, Buffer.from(value));
          else entries.delete(hex);
        }
        // The value of the checksum; it differs after each batch.
        const count = this.file.bytes.length >= 8 ? this.file.bytes.readDoubleLE(0) + 1 : 1;
        this.file.bytes = Buffer.alloc(8);
        this.file.bytes.writeDoubleLE(count);
        if (this.isFlushed) this.#flush();
        resolve();
      });
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  /** Where each batch is flushed, there is nothing that is not: a copy of the whole table for each batch would cost more than all else here. */
  #entriesToChange(): Map<string, Uint8Array> {
    const { file } = this;
    if (!this.isFlushed && file.entries === file.durableEntries) file.entries = new Map(file.entries);
    return file.entries!;
  }

  #flush(): void {
    this.file.durable = Buffer.from(this.file.bytes);
    this.file.durableEntries = this.file.entries!;
  }
}
