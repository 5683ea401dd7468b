import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { KINDS, type Kind } from '../../protocol/index.js';
import { PrivateDirectory, stateLocation } from '../../server/repository/index.js';
import { CoordinationDir } from '../../server/watch/coordination-dir.js';

/** A throwaway repository, whose records are written as Muse writes them: some renamed in, some in place. */
export class TemporaryRepository {
  readonly root = mkdtempSync(join(tmpdir(), 'muse-bus-test-'));
  readonly dir = new CoordinationDir(this.root);
  /** The server's own directory in it. */
  readonly bus = join(this.dir.muse, 'bus');
  /** The directory of its private state. */
  readonly state = stateLocation(this.root).path;
  #temporaries = 0;

  constructor() {
    for (const kind of KINDS) mkdirSync(this.dir.of(kind), { recursive: true });
  }

  /** Written to a temporary file beside it, then renamed: a reader sees the old record or the new one. */
  rename(kind: Kind, id: string, data: unknown): void {
    const temporary = join(this.dir.of(kind), `.${id}.${String(this.#temporaries++)}.tmp`);
    writeFileSync(temporary, JSON.stringify(data));
    renameSync(temporary, this.dir.file(kind, id));
  }

  /** Truncated and written: a reader may see nothing, or half of it. */
  inPlace(kind: Kind, id: string, data: unknown): void {
    writeFileSync(this.dir.file(kind, id), JSON.stringify(data));
  }

  /** The bytes as they are, for what is no record. */
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

  /** Removes a directory and makes it again at once, but not within the same tick of the file system's clock. */
  replaceDirectory(kind: Kind): void {
    const path = this.dir.of(kind);
    const born = statSync(path, { bigint: true }).birthtimeNs;
    do {
      this.removeDirectory(kind);
      this.makeDirectory(kind);
    } while (statSync(path, { bigint: true }).birthtimeNs === born);
  }

  /** The directory of its private state, opened. */
  openState(): PrivateDirectory {
    const all = dirname(this.state);
    mkdirSync(all, { recursive: true, mode: 0o700 });
    return PrivateDirectory.within(all, basename(this.state));
  }

  /** Removes all of it. */
  dispose(): void {
    rmSync(this.state, { recursive: true, force: true });
    rmSync(this.root, { recursive: true, force: true });
  }
}
