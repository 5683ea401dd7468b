import type { CoordinationDir } from './coordination-dir.js';
import { systemFiles, type Files } from './files.js';

/** Whether the repository at the path is the one that was opened: that one, none, or another. */
export type Presence = 'same' | 'missing' | 'other';

/** Tells the repository that is served from any other that may come to stand at its path. */
export interface RepositoryIdentity {
  check(): Presence;
}

/** The directories that stood at the path when it was first asked are the repository. */
export class DirectoryIdentity implements RepositoryIdentity {
  #first: string | undefined;

  constructor(
    private readonly dir: CoordinationDir,
    private readonly files: Files = systemFiles,
  ) {}

  check(): Presence {
    const found = this.#look();
    if (found === undefined) return 'missing';
    this.#first ??= found;
    return found === this.#first ? 'same' : 'other';
  }

  #look(): string | undefined {
    const { files, dir } = this;
    try {
      const [root, muse] = [files.follow(dir.root), files.look(dir.muse)];
      return root && muse ? [root.dev, root.ino, muse.dev, muse.ino].join(':') : undefined;
    } catch {
      return undefined;
    }
  }
}
