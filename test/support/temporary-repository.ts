import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Test } from 'tap';
import { KINDS, type Kind } from '../../protocol/index.js';
import { PrivateDirectory, stateLocation } from '../../server/repository/index.js';
import { CoordinationDir } from '../../server/watch/coordination-dir.js';

/** A temporary repository. A test writes records as Muse does: by renaming, or in place. */
export class TemporaryRepository {
  readonly root = mkdtempSync(join(tmpdir(), 'muse-bus-test-'));
  readonly dir = new CoordinationDir(this.root);
  /** The server's directory, `.muse/bus`. */
  readonly bus = join(this.dir.muse, 'bus');
  /** The directory of the server's private state. */
  readonly state = stateLocation(this.root).path;
  #temporaries = 0;

  /** A repository that is removed at the end of the test. */
  static for(t: Test): TemporaryRepository {
    const repository = new TemporaryRepository();
    t.teardown(() => {
      repository.dispose();
    });
    return repository;
  }

  constructor() {
    for (const kind of KINDS) mkdirSync(this.dir.of(kind), { recursive: true });
  }

  /** Writes a temporary file and renames it: a reader sees the old record or the new one. */
  rename(kind: Kind, id: string, data: unknown): void {
    const temporary = join(this.dir.of(kind), `.${id}.${String(this.#temporaries++)}.tmp`);
    writeFileSync(temporary, JSON.stringify(data));
    renameSync(temporary, this.dir.file(kind, id));
  }

  /** Truncates the file and writes it: a reader may see nothing, or half of the record. */
  inPlace(kind: Kind, id: string, data: unknown): void {
    writeFileSync(this.dir.file(kind, id), JSON.stringify(data));
  }

  /** Writes bytes that need not be a record. */
  raw(kind: Kind, id: string, bytes: string | Uint8Array): void {
    writeFileSync(this.dir.file(kind, id), bytes);
  }

  remove(kind: Kind, id: string): void {
    rmSync(this.dir.file(kind, id));
  }

  removeDirectory(kind: Kind): void {
    rmSync(this.dir.of(kind), { recursive: true });
  }

  makeDirectory(kind: Kind): void {
    mkdirSync(this.dir.of(kind));
  }

  /** Removes a directory and makes a new one at once, with another birth time: within one tick of the file system both are equal. */
  replaceDirectory(kind: Kind): void {
    const path = this.dir.of(kind);
    const born = statSync(path, { bigint: true }).birthtimeNs;
    do {
      this.removeDirectory(kind);
      this.makeDirectory(kind);
    } while (statSync(path, { bigint: true }).birthtimeNs === born);
  }

  /** Opens the directory of the server's private state. */
  openState(): PrivateDirectory {
    const all = dirname(this.state);
    mkdirSync(all, { recursive: true, mode: 0o700 });
    return PrivateDirectory.within(all, basename(this.state));
  }

  /** Removes the repository and the server's private state. */
  dispose(): void {
    rmSync(this.state, { recursive: true, force: true });
    rmSync(this.root, { recursive: true, force: true });
  }
}
