import type { BigIntStats } from 'node:fs';
import { basename, relative } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { RepositoryIdentity, type IdentityState } from '../repository/index.js';
import {
  CheckedDirectory,
  defaultReach,
  unknown,
  type Place,
  type Reach,
  type DirectoryState,
} from './checked-directory.js';
import { CoordinationDirError, type CoordinationDir } from './coordination-dir.js';
import { systemFiles, type Files } from './files.js';
import type { Glance } from './sweep.js';

const ASCII = /^[\x20-\x7e]*$/;

/** A name with its letters and accents as one character each, if they are several, or else as several; `undefined` if that is the same. */
function otherForm(name: string): string | undefined {
  // Asked at each hint, and nearly all ids are of characters that have one form.
  if (ASCII.test(name)) return undefined;
  return ['NFC', 'NFD'].map((form) => name.normalize(form)).find((form) => form !== name);
}

function lookAt(files: Files, path: string): BigIntStats | undefined {
  try {
    return files.look(path);
  } catch {
    return undefined;
  }
}

/**
 * The directories on the path to the records. Each is checked without following a link, opened once, and then read through its
 * descriptor. So a directory that becomes a link or is moved away never leads to another one. {@link verify} detects that,
 * because it compares the directories at the paths with the open ones.
 */
export class CheckedDirectories {
  readonly #root: CheckedDirectory;
  readonly #muse: CheckedDirectory;
  /** The directories above those of the kinds, the outermost first. */
  readonly #above: readonly CheckedDirectory[];
  readonly #byKind: ReadonlyMap<Kind, CheckedDirectory>;
  readonly #all: readonly CheckedDirectory[];
  #presence: IdentityState = 'missing';
  #states: ReadonlyMap<Kind, DirectoryState> = new Map(KINDS.map((kind) => [kind, unknown('not looked at yet')]));

  constructor(
    readonly dir: CoordinationDir,
    readonly files: Files = systemFiles,
    /** @default the identity of the repository that is at the path when it is opened */
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
    const coordination = below(this.#muse, basename(dir.coordination));
    this.#above = [this.#root, this.#muse, coordination];
    this.#byKind = new Map(KINDS.map((kind) => [kind, below(coordination, KIND_DIRECTORIES[kind], kind)]));
    this.#all = [...this.#above, ...this.#byKind.values()];
  }

  /** All directories, the outermost first. */
  get places(): readonly Place[] {
    return this.#all;
  }

  /** Whether the repository at the path is still the same, at the last check. */
  get presence(): IdentityState {
    return this.#presence;
  }

  /** Why the repository cannot be seen; meaningful only if `presence` is not `same`. */
  get absence(): string {
    for (const { state } of [this.#root, this.#muse]) if (state.is === 'unknown') return state.why;
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

  /** The reasons why directories are unknown, at the last check, each once. */
  get faults(): readonly string[] {
    return [...new Set(this.#all.flatMap(({ state }) => (state.is === 'unknown' ? [state.why] : [])))];
  }

  /**
   * Opens all directories.
   * @param absence whether a directory below `.muse` may be missing: it counts as empty until it is made.
   * @throws CoordinationDirError if a directory cannot be opened, or the repository is another one.
   */
  open(absence: 'refused' | 'allowed' = 'refused'): void {
    this.identity ??= RepositoryIdentity.of(this.dir.root);
    this.verify();
    for (const directory of this.#all) {
      const { state, path } = directory;
      if (state.is === 'absent' && absence === 'allowed' && this.#mayBeAbsent(directory)) continue;
      if (state.is === 'unknown') throw new CoordinationDirError(`${path}: ${state.why}; refusing to watch it`);
      if (state.is === 'absent') throw new CoordinationDirError(`${path} was removed while watching began; try again`);
    }
    if (this.#presence !== 'same')
      throw new CoordinationDirError(`the repository at ${this.dir.root} was replaced while watching began; try again`);
  }

  #mayBeAbsent(directory: CheckedDirectory): boolean {
    return directory !== this.#root && directory !== this.#muse;
  }

  /** Compares the directories at the paths with the open ones. @returns the kinds whose directory or state has changed. */
  verify(): Kind[] {
    const presence = this.identity?.check() ?? 'missing';
    const changed = new Set(this.#all.filter((directory) => directory.verify()).map(({ kind }) => kind));
    this.#presence = presence === 'same' ? this.#wholePresence() : presence;
    const before = this.#states;
    this.#states = new Map(KINDS.map((kind) => [kind, this.#findState(kind)]));
    return KINDS.filter((kind) => changed.has(kind) || before.get(kind)?.is !== this.#states.get(kind)?.is);
  }

  /**
   * Whether a check of everything would find nothing new about these kinds: the repository, the directories above, and theirs, are the ones
   * that were found open at the last check. Looks at nothing else.
   */
  areUnchanged(kinds: Iterable<Kind>): boolean {
    if (this.identity?.check() !== 'same' || !this.#above.every((directory) => directory.isStill())) return false;
    for (const kind of kinds) if (this.stateOf(kind).is !== 'open' || !this.#byKind.get(kind)!.isStill()) return false;
    return true;
  }

  close(): void {
    for (const directory of this.#all) directory.close();
    this.#states = new Map(KINDS.map((kind) => [kind, unknown('not watched any more')]));
  }

  stateOf(kind: Kind): DirectoryState {
    return this.#states.get(kind)!;
  }

  /** Whether the last reading through a kind's directory was in the directory that was checked. */
  isStill(kind: Kind): boolean {
    if (this.stateOf(kind).is !== 'open') return false;
    if (this.reach === 'descriptor') return true;
    return this.#above.every((directory) => directory.isStill()) && this.#byKind.get(kind)!.isStill();
  }

  /**
   * Whether another spelling of a record's name finds its file: in another case (macOS, Windows, vfat, ext4 if the directory has that flag), or
   * in another normal form alone (case-sensitive APFS, ZFS).
   */
  folds(kind: Kind, id: string): boolean {
    if (this.#byKind.get(kind)!.foldsCase) return true;
    const other = otherForm(id);
    if (other === undefined) return false;
    const [own, found] = [id, other].map((name) => lookAt(this.files, this.file(kind, name)));
    return own !== undefined && own.ino === found?.ino && own.dev === found.dev;
  }

  /** The state of a kind's entries; `undefined` if the directory is not open, or not at its path. */
  glance(kind: Kind): Glance | undefined {
    return this.#byKind.get(kind)!.glance();
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
   * Checks that a kind's directory can be listed. On a local file system, if one effect of a rename in it has been seen, all hints of the
   * rename have been given when this returns. @throws the system's error if the directory cannot be listed.
   */
  probe(kind: Kind): void {
    this.files.probe(this.path(kind));
  }

  /** Checks the root and `.muse` after the identity: they may have gone since then, or be links. */
  #wholePresence(): IdentityState {
    const states = [this.#root.state.is, this.#muse.state.is];
    if (states.includes('unknown')) return 'other';
    return states.includes('absent') ? 'missing' : 'same';
  }

  #findState(kind: Kind): DirectoryState {
    return this.#presence === 'same' ? this.#byKind.get(kind)!.state : unknown(this.absence);
  }
}
