import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';

/** A repository on a real disk, with the directory of each kind. */
export class Repository {
  readonly root = mkdtempSync(join(tmpdir(), 'muse-bus-test-'));

  constructor() {
    for (const kind of KINDS) mkdirSync(this.directory(kind), { recursive: true });
  }

  directory(kind: Kind): string {
    return join(this.root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
  }

  path(kind: Kind, name: string): string {
    return join(this.directory(kind), name);
  }

  /** Writes a temporary file and renames it, as a careful agent does. */
  write(kind: Kind, id: string, content: string | Uint8Array): void {
    const temporary = this.path(kind, `${id}.json.tmp`);
    writeFileSync(temporary, content);
    renameSync(temporary, this.path(kind, `${id}.json`));
  }

  record(kind: Kind, id: string, data: object = {}): void {
    this.write(kind, id, JSON.stringify(data));
  }

  remove(kind: Kind, id: string): void {
    rmSync(this.path(kind, `${id}.json`), { recursive: true, force: true });
  }

  destroy(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
