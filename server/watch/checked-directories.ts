import { constants, type BigIntStats } from 'node:fs';
import { basename, relative } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { RepositoryIdentity, type IdentityState } from '../repository/index.js';
import { CoordinationDirError, type CoordinationDir } from './coordination-dir.js';
import { errorCode, systemFiles, type Files } from './files.js';

/**
 * What is known of a directory on the way to the records. `open`: it has been checked, and is read. `absent`: the
 * directory above has been looked at, and has none of the name. `unknown`: something else is in its place, or it cannot be
 * looked at; of what is in it nothing can be said.
 */
export type Standing =
  { readonly is: 'open' } | { readonly is: 'absent' } | { readonly is: 'unknown'; readonly why: string };

/** Whether a directory is read through an open descriptor of it, or through its path, checked before and after. */
export type Reach = 'descriptor' | 'path';

/** One directory on the way to the records, as whoever watches it sees it. */
export interface Place {
  /** The kind whose records are in it; `undefined` for a parent. */
  readonly kind: Kind | undefined;
  /** Its own name. */
  readonly name: string;
  /** The path that leads to it and nowhere else; `undefined` while it is not open. */
  readonly reach: string | undefined;
  /** Which directory it is; `undefined` while it is not open. */
  readonly identity: string | undefined;
}

const DESCRIPTORS = '/proc/self/fd';
// `undefined` counts as 0 where a system does not know a flag.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OPEN: Standing = { is: 'open' };
const ABSENT: Standing = { is: 'absent' };
const unknown = (why: string): Standing => ({ is: 'unknown', why });

/** Linux alone leads from a descriptor to the names in its directory. */
export function defaultReach(files: Files = systemFiles): Reach {
  try {
    return process.platform === 'linux' && files.look(DESCRIPTORS) !== undefined ? 'descriptor' : 'path';
  } catch {
    return 'path';
  }
}

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

/** A directory that was opened after it was looked at, and what stands at its path now. */
class CheckedDirectory implements Place {
  standing: Standing = unknown('not looked at yet');
  readonly name: string;
  #foldsCase = false;
  #open: { readonly identity: string; readonly reach: string; readonly file: number | undefined } | undefined;

  constructor(
    readonly path: string,
    /** As it is called to those who need not know where the repository is. */
    private readonly called: string,
    readonly kind: Kind | undefined,
    private readonly files: Files,
    private readonly by: Reach,
    private readonly parent?: CheckedDirectory,
  ) {
    this.name = basename(path);
  }

  get reach(): string | undefined {
    return this.#open?.reach;
  }

  get identity(): string | undefined {
    return this.#open?.identity;
  }

  /** As the directory above does, from which it has that. */
  get foldsCase(): boolean {
    return this.#foldsCase;
  }

  isStill(): boolean {
    try {
      const found = this.#look();
      return found?.isDirectory() === true && identityOf(found) === this.#open?.identity;
    } catch {
      return false;
    }
  }

  /** @returns whether another directory is open now, or none. */
  verify(): boolean {
    const before = this.identity;
    this.standing = this.#verify();
    // What has been opened stays open while nothing can be said, to be told from what may stand there next.
    if (this.standing.is === 'absent') this.close();
    return this.identity !== before;
  }

  close(): void {
    const file = this.#open?.file;
    this.#open = undefined;
    if (file !== undefined) this.files.close(file);
  }

  #verify(): Standing {
    const above = this.parent?.standing;
    if (above && above.is !== 'open') return above;
    try {
      const found = this.#look();
      if (!found) return ABSENT;
      if (found.isSymbolicLink()) return unknown(`${this.called} is a symbolic link`);
      if (!found.isDirectory()) return unknown(`${this.called} is not a directory`);
      if (identityOf(found) !== this.identity) this.#take(found);
      return OPEN;
    } catch (error) {
      return unknown(`${this.called} cannot be looked at: ${errorCode(error)}`);
    }
  }

  /** The root is named by whoever serves it, who may name it through a link; what is below is ours to check. */
  #look(): BigIntStats | undefined {
    if (!this.parent) return this.files.follow(this.path);
    return this.files.look(`${this.parent.reach ?? this.parent.path}/${this.name}`);
  }

  #take(found: BigIntStats): void {
    if (this.parent) {
      const otherwise = this.files.look(`${this.parent.reach ?? this.parent.path}/${this.name.toUpperCase()}`);
      this.#foldsCase = otherwise !== undefined && identityOf(otherwise) === identityOf(found);
    }
    if (this.by === 'path') {
      this.close();
      this.#open = { identity: identityOf(found), reach: this.path, file: undefined };
      return;
    }
    const path = this.parent ? `${this.parent.reach ?? this.parent.path}/${this.name}` : this.path;
    const file = this.files.open(path, this.parent ? OPEN_FLAGS : OPEN_FLAGS & ~constants.O_NOFOLLOW);
    let identity: string;
    try {
      identity = identityOf(this.files.status(file));
    } catch (error) {
      this.files.close(file);
      throw error;
    }
    this.close();
    this.#open = { identity, reach: `${DESCRIPTORS}/${String(file)}`, file };
  }
}

/** The time of birth is part of it: file systems give a new directory the inode of one that was just removed. */
function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${String(dev)}:${String(ino)}:${String(birthtimeNs)}`;
}
