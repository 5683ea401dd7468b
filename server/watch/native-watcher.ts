import { watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import type { CheckedDirectories } from './checked-directories.js';
import type { Place } from './checked-directory.js';
import type { HintSink, Mechanism, Watcher } from './watcher.js';

const MECHANISM_BY_PLATFORM: Readonly<Partial<Record<NodeJS.Platform, Mechanism>>> = {
  linux: 'inotify',
  android: 'inotify',
  darwin: 'FSEvents',
  win32: 'ReadDirectoryChangesW',
  sunos: 'event ports',
};

/** `fs.watch`, or what takes its place in a test. */
export type WatchFunction = (
  path: string,
  listener: (eventType: string, name: string | null) => void,
) => Pick<FSWatcher, 'close' | 'on'>;

interface Watched {
  readonly place: Place;
  /** Which directory is being watched; `undefined` where none is, or it is not known. */
  identity: string | undefined;
  handle: Pick<FSWatcher, 'close' | 'on'> | undefined;
}

/** Mechanisms that name each file that changes, and do so at once. */
const NAMING: readonly Mechanism[] = ['inotify', 'ReadDirectoryChangesW'];

/** The kernel's notifications, on each kind's directory and on the directories above. */
export class NativeWatcher implements Watcher {
  readonly mechanism: Mechanism = MECHANISM_BY_PLATFORM[process.platform] ?? 'kqueue';
  readonly #watched: readonly Watched[];
  #sink: HintSink | undefined;
  /** A name was missing in a notification. */
  #isNameless = false;

  constructor(
    directories: CheckedDirectories,
    private readonly watchPath: WatchFunction = (path, listener) => watch(path, { encoding: 'utf8' }, listener),
  ) {
    this.#watched = directories.places.map((place) => ({ place, identity: undefined, handle: undefined }));
  }

  get isHealthy(): boolean {
    // Of one that is not there the directory above tells when it is made.
    return this.#watched.every(({ handle, place }) => handle !== undefined || place.reach === undefined);
  }

  get namesEachFile(): boolean {
    return NAMING.includes(this.mechanism) && !this.#isNameless;
  }

  start(sink: HintSink): void {
    this.#sink = sink;
    for (const watched of this.#watched) this.#arm(watched);
  }

  verify(): void {
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
      // Armed, then looked at: nothing falls between.
      if (place.kind && watched.handle) this.#sink?.directory(place.kind);
    }
  }

  stop(): void {
    for (const watched of this.#watched) this.#disarm(watched);
    this.#sink = undefined;
  }

  /** Watches the directory that was opened, through what leads to it and nowhere else. */
  #arm(watched: Watched): void {
    const { place } = watched;
    const { reach } = place;
    if (reach === undefined) return;
    watched.identity = place.identity;
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

  #disarm(watched: Watched): void {
    watched.handle?.close();
    watched.handle = undefined;
    watched.identity = undefined;
  }

  #hint(watched: Watched, name: string | null, isItself: boolean): void {
    const { kind } = watched.place;
    if (name === null) this.#isNameless = true;
    // A directory that is removed, moved or closed to us says so with its own name. What stands there now may be another
    // one, even if it has the old one's inode and was made within the same tick of the file system's clock.
    if (isItself) watched.identity = undefined;
    if (kind !== undefined && !isItself && name !== null) {
      this.#sink?.file(kind, name);
      return;
    }
    this.#sink?.notified();
    if (kind === undefined) {
      // In a parent only the directories on our way matter, and only whether they are still the same.
      if (name === null || isItself || this.#isOnWay(name)) this.#sink?.way();
      return;
    }
    this.#sink?.way();
    this.#sink?.directory(kind);
  }

  #isOnWay(name: string): boolean {
    return this.#watched.some(({ place }) => place.name === name);
  }
}
