import { basename, relative } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { RepositoryIdentity, type IdentityState } from '../repository/index.js';
import { CheckedDirectory, defaultReach, unknown, type Place, type Reach, type Standing } from './checked-directory.js';
import { CoordinationDirError, type CoordinationDir } from './coordination-dir.js';
import { systemFiles, type Files } from './files.js';

/**
 * The directories on the way to the records: each is looked at without following a link, opened once, and from then on
 * read through what was opened. So a directory that becomes a link, or is moved away, never leads anywhere else; that it
 * has is found by {@link verify}, which compares what stands at the paths with what is open.
 */
export class CheckedDirectories {
  readonly #root: CheckedDirectory;
  readonly #muse: CheckedDirectory;
  readonly #coordination: CheckedDirectory;
  readonly #byKind: ReadonlyMap<Kind, CheckedDirectory>;
  readonly #all: readonly CheckedDirectory[];
  #presence: IdentityState = 'missing';
  #standing: ReadonlyMap<Kind, Standing> = new Map(KINDS.map((kind) => [kind, unknown('not looked at yet')]));

  constructor(
    readonly dir: CoordinationDir,
    readonly files: Files = systemFiles,
    /** @default of what stands at the path when it is opened */
    private identity?: Pick<RepositoryIdentity, 'check'>,
    readonly reach: Reach = defaultReach(files),
  ) {
    const below = (parent: CheckedDirectory, name: string, kind?: Kind): CheckedDirectory =>
      new CheckedDirectory(
        `${parent.path}/${name}`,
        relative(dir.root, `${parent.path}/${name}`),
        kind,
        files,
        reach,
        parent,
      );
    this.#root = new CheckedDirectory(dir.root, 'the repository', undefined, files, reach);
    this.#muse = below(this.#root, basename(dir.muse));
    this.#coordination = below(this.#muse, basename(dir.coordination));
    this.#byKind = new Map(KINDS.map((kind) => [kind, below(this.#coordination, KIND_DIRECTORIES[kind], kind)]));
    this.#all = [this.#root, this.#muse, this.#coordination, ...this.#byKind.values()];
  }

  /** The outermost first. */
  get places(): readonly Place[] {
    return this.#all;
  }

  /** Of the repository at the path, as last looked at. */
  get presence(): IdentityState {
    return this.#presence;
  }

  /** What is amiss with the repository as a whole where it is not the same. */
  get absence(): string {
    for (const { standing } of [this.#root, this.#muse]) if (standing.is === 'unknown') return standing.why;
    switch (this.#presence) {
      case 'missing':
        return 'no repository is at the path any more';
      case 'other':
        return 'another repository is at the path';
      case 'unreadable':
      case 'same':
        return 'the repository cannot be looked at';
    }
  }

  /** What is wrong with directories, as last looked at. */
  get faults(): readonly string[] {
    return [...new Set(this.#all.flatMap(({ standing }) => (standing.is === 'unknown' ? [standing.why] : [])))];
  }

  /**
   * @param absence whether a directory below `.muse` may be missing: there is nothing in it, until it is made.
   * @throws CoordinationDirError where a directory cannot be opened as one.
   */
  open(absence: 'refused' | 'allowed' = 'refused'): void {
    this.identity ??= RepositoryIdentity.of(this.dir.root);
    this.verify();
    for (const directory of this.#all) {
      const { standing, path } = directory;
      if (standing.is === 'absent' && absence === 'allowed' && this.#mayBeAbsent(directory)) continue;
      if (standing.is === 'unknown') throw new CoordinationDirError(`${path}: ${standing.why}; refusing to watch it`);
      if (standing.is === 'absent') throw new CoordinationDirError(`${path} is gone already`);
    }
    if (this.#presence !== 'same') throw new CoordinationDirError(`${this.dir.root} is another repository by now`);
  }

  #mayBeAbsent(directory: CheckedDirectory): boolean {
    return directory !== this.#root && directory !== this.#muse;
  }

  /** Compares what stands at the paths with what is open. @returns the kinds of which something else is known now. */
  verify(): Kind[] {
    const presence = this.identity?.check() ?? 'missing';
    const changed = new Set(this.#all.filter((directory) => directory.verify()).map(({ kind }) => kind));
    this.#presence = presence === 'same' ? this.#wholePresence() : presence;
    const before = this.#standing;
    this.#standing = new Map(KINDS.map((kind) => [kind, this.#standingOf(kind)]));
    return KINDS.filter((kind) => changed.has(kind) || before.get(kind)?.is !== this.#standing.get(kind)?.is);
  }

  close(): void {
    for (const directory of this.#all) directory.close();
    this.#standing = new Map(KINDS.map((kind) => [kind, unknown('not watched any more')]));
  }

  standing(kind: Kind): Standing {
    return this.#standing.get(kind)!;
  }

  /** Whether what was just read through a kind's directory was in the directory that was checked. */
  isStill(kind: Kind): boolean {
    if (this.standing(kind).is !== 'open') return false;
    return this.reach === 'descriptor' || this.#wayTo(kind).every((directory) => directory.isStill());
  }

  /** Whether a name finds a file whose name differs from it in case: macOS, vfat, ext4 where it was asked for. */
  foldsCase(kind: Kind): boolean {
    return this.#byKind.get(kind)!.foldsCase;
  }

  /** The path that leads to a kind's open directory. */
  path(kind: Kind): string {
    return this.#byKind.get(kind)!.reach ?? this.dir.of(kind);
  }

  /** The path that leads to a record's file in the open directory. */
  file(kind: Kind, id: string): string {
    return `${this.path(kind)}/${id}.json`;
  }

  /**
   * Asks a kind's directory itself. Listing takes the lock that renaming in it holds, so that on a local file system a
   * rename of which something has been seen has given all its hints when this returns.
   * @throws what the system says where it cannot be listed.
   */
  probe(kind: Kind): void {
    const directory = this.files.list(this.path(kind), 1);
    try {
      directory.readSync();
    } finally {
      directory.closeSync();
    }
  }

  #wayTo(kind: Kind): readonly CheckedDirectory[] {
    return [this.#root, this.#muse, this.#coordination, this.#byKind.get(kind)!];
  }

  /** Gone since its identity was looked at, or reached by a link. */
  #wholePresence(): IdentityState {
    const ways = [this.#root.standing.is, this.#muse.standing.is];
    if (ways.includes('unknown')) return 'other';
    return ways.includes('absent') ? 'missing' : 'same';
  }

  #standingOf(kind: Kind): Standing {
    return this.#presence === 'same' ? this.#byKind.get(kind)!.standing : unknown(this.absence);
  }
}
