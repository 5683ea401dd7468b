import { writeFileSync } from 'node:fs';
import type { Flushing, OpenTable, Table, TableChange } from '../../server/journal/table.js';

/** Tables in memory, by path. Each has an empty file on disk, because the journal checks inodes and sizes. */
export class MemoryDisk {
  readonly #tables = new Map<string, Map<string, Uint8Array>>();
  /** While set, each write fails with this error. */
  failure: Error | undefined;
  /** While set, no new table can be created. */
  isFull = false;
  /** Writes wait for this promise. */
  delay: Promise<void> | undefined;
  writes = 0;
  flushes = 0;
  /** Writes that a power cut would undo. */
  unflushed = 0;

  readonly open: OpenTable = (path, flushing = 'each') => {
    if (this.failure) return Promise.reject(this.failure);
    if (this.isFull && !this.#tables.has(path)) return Promise.reject(new Error('no space left on device'));
    const entries = this.#tables.get(path) ?? new Map<string, Uint8Array>();
    if (!this.#tables.has(path)) writeFileSync(path, '');
    this.#tables.set(path, entries);
    return Promise.resolve(new MemoryTable(entries, this, flushing));
  };
}

class MemoryTable implements Table {
  constructor(
    private readonly contents: Map<string, Uint8Array>,
    private readonly disk: MemoryDisk,
    private readonly flushing: Flushing,
  ) {}

  *entries(prefix: number): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for (const hex of [...this.contents.keys()].sort()) {
      const key = Buffer.from(hex, 'hex');
      if (key[0] === prefix) yield { key, value: this.contents.get(hex)! };
    }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.contents.get(Buffer.from(key).toString('hex'));
  }

  async write(changes: readonly TableChange[]): Promise<void> {
    await this.disk.delay;
    if (this.disk.failure) throw this.disk.failure;
    this.disk.writes++;
    for (const { key, value } of changes) {
      const hex = Buffer.from(key).toString('hex');
      if (value) this.contents.set(hex, Buffer.from(value));
      else this.contents.delete(hex);
    }
    this.disk.unflushed++;
    if (this.flushing === 'each') {
      this.disk.unflushed = 0;
      this.disk.flushes++;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
