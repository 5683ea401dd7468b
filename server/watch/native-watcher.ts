import { realpathSync, watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import type { CheckedDirectories } from './checked-directories.js';
import type { Place } from './checked-directory.js';
import { completenessOf, type Completeness, type Mechanism } from './completeness.js';
import { leastReliable, type FileSystem } from '../repository/index.js';
import type { HintSink, Watcher } from './watcher.js';

const MECHANISM_BY_PLATFORM: Readonly<Partial<Record<NodeJS.Platform, Mechanism>>> = {
  linux: 'inotify',
  android: 'inotify',
  darwin: 'FSEvents',
  win32: 'ReadDirectoryChangesW',
  sunos: 'event ports',
};

/** `fs.watch`, or the function that a test uses instead. */
export type WatchFunction = (
  path: string,
  listener: (eventType: string, name: string | null) => void,
) => Pick<FSWatcher, 'close' | 'on'>;

/** The number of directories on the path to `coordination/`: the root and `.muse`. */
const ABOVE_COORDINATION = 2;

interface Watched {
  readonly place: Place;
  /** The identity of the directory that is watched; `undefined` if none is, or if it may have been replaced. */
  identity: string | undefined;
  /** Of a kind's directory: what it is on. A file system can be mounted on it while it is watched. */
  fileSystem: FileSystem | undefined;
  handle: Pick<FSWatcher, 'close' | 'on'> | undefined;
}

/**
 * On Windows libuv ends the process if it watches a path with a short name in it, such as `RUNNER~1` (libuv #5010). The temporary directory
 * often has one.
 */
export function longPath(path: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return path;
  try {
    return realpathSync.native(path);
  } catch {
    // The watch reports what is wrong.
    return path;
  }
}

/** Turns the kernel's notifications into hints, for each kind's directory and the directories above. */
export class NativeWatcher implements Watcher {
  readonly #watched: readonly Watched[];
  #sink: HintSink | undefined;
  #completeness: Completeness;

  constructor(
    directories: CheckedDirectories,
    private readonly watchPath: WatchFunction = (path, listener) =>
      watch(longPath(path), { encoding: 'utf8' }, listener),
    readonly mechanism: Mechanism = MECHANISM_BY_PLATFORM[process.platform] ?? 'kqueue',
    private readonly fileSystem: FileSystem = { is: 'local', name: 'a local disk' },
    /** Finds the file system of a directory that is opened later. */
    private readonly fileSystemAt: (path: string) => FileSystem = () => fileSystem,
  ) {
    this.#completeness = completenessOf(mechanism, fileSystem);
    // FSEvents reports everything below a directory, so the root and .muse would bring every change in the working tree.
    const places = mechanism === 'FSEvents' ? directories.places.slice(ABOVE_COORDINATION) : directories.places;
    this.#watched = places.map((place) => ({
      place,
      identity: undefined,
      fileSystem: undefined,
      handle: undefined,
    }));
  }

  get isHealthy(): boolean {
    // A directory that does not exist needs no watch: the watch of its parent notifies when it is made.
    return this.#watched.every(({ handle, place }) => handle !== undefined || place.reach === undefined);
  }

  get completeness(): Completeness {
    return this.#completeness;
  }

  start(sink: HintSink): void {
    this.#sink = sink;
    for (const watched of this.#watched) this.#arm(watched);
  }

  verify(): void {
    let isArmed = false;
    for (const watched of this.#watched) {
      const { place } = watched;
      if (place.identity === watched.identity && (watched.handle !== undefined || place.reach === undefined)) continue;
      this.#disarm(watched);
      try {
        this.#arm(watched);
      } catch (error) {
        this.#sink?.everything(`cannot watch ${place.name}: ${(error as Error).message}`);
        continue;
      }
      isArmed ||= watched.handle !== undefined;
      // The hint comes after the watch began, so that no change is missed in between.
      if (place.kind && watched.handle) this.#sink?.directory(place.kind);
    }
    if (isArmed && this.completeness.rearming === 'loses') this.#sink?.everything('the stream of hints was restarted');
  }

  stop(): void {
    for (const watched of this.#watched) this.#disarm(watched);
    this.#sink = undefined;
  }

  /** Watches the directory that was opened, through the path by which it is read. */
  #arm(watched: Watched): void {
    const { place } = watched;
    const { reach } = place;
    if (reach === undefined) return;
    watched.identity = place.identity;
    if (place.kind !== undefined) this.#isOn(watched, this.fileSystemAt(reach));
    const ownName = basename(reach);
    const handle = this.watchPath(reach, (_type, name) => {
      if (watched.handle === handle) this.#hint(watched, name, name === ownName);
    });
    handle.on('error', (error: Error) => {
      this.#disarm(watched);
      this.#sink?.everything(`watching ${place.name} failed: ${error.message}`);
    });
    watched.handle = handle;
  }

  /** Notes what a kind's directory is on: the least reliable of all decides what hints leave out. */
  #isOn(watched: Watched, fileSystem: FileSystem): void {
    watched.fileSystem = fileSystem;
    const others = this.#watched.flatMap((one) => one.fileSystem ?? []);
    const { otherEnd } = completenessOf(this.mechanism, leastReliable(this.fileSystem, ...others));
    if (otherEnd !== this.#completeness.otherEnd) this.#completeness = { ...this.#completeness, otherEnd };
  }

  #disarm(watched: Watched): void {
    watched.handle?.close();
    watched.handle = undefined;
    watched.identity = undefined;
  }

  #hint(watched: Watched, name: string | null, isItself: boolean): void {
    const { kind } = watched.place;
    // On Windows a hint without a name says that the buffer has overflowed.
    if (name === null && this.mechanism === 'ReadDirectoryChangesW') this.#sink?.everything('hints were lost');
    else if (name === null && this.#completeness.names === 'files')
      this.#completeness = { ...this.#completeness, names: 'directories', inPlace: 'silent' };
    // If a directory is removed, moved, or its permissions change, the notification has the directory's own name. Another one
    // may be at its path now, even if it has the old inode and was made within the same tick of the file system's clock.
    if (isItself) watched.identity = undefined;
    if (kind !== undefined && !isItself && name !== null) {
      this.#sink?.file(kind, name);
      return;
    }
    this.#sink?.notified();
    if (kind === undefined) {
      // In a parent directory only the directories on the path to the records matter, and only whether they are the same.
      if (name === null || isItself || this.#isAncestor(name)) this.#sink?.ancestor();
      return;
    }
    this.#sink?.ancestor();
    this.#sink?.directory(kind);
  }

  #isAncestor(name: string): boolean {
    return this.#watched.some(({ place }) => place.name === name);
  }
}
