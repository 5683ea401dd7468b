import { watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import { KINDS, type Kind } from '../../protocol/index.js';
import { directoryIdentity, type CoordinationDir } from './coordination-dir.js';
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
  readonly path: string;
  /** The kind whose records are in it; `undefined` for a parent. */
  readonly kind: Kind | undefined;
  /** Of what is being watched, see {@link directoryIdentity}. */
  identity: string | undefined;
  handle: Pick<FSWatcher, 'close' | 'on'> | undefined;
}

/** The kernel's notifications, on each kind's directory and on the directories above. */
export class NativeWatcher implements Watcher {
  readonly mechanism: Mechanism = MECHANISM_BY_PLATFORM[process.platform] ?? 'kqueue';
  readonly #watched: readonly Watched[];
  #sink: HintSink | undefined;

  constructor(
    dir: CoordinationDir,
    private readonly watchPath: WatchFunction = (path, listener) => watch(path, { encoding: 'utf8' }, listener),
  ) {
    const place = (path: string, kind?: Kind): Watched => ({ path, kind, identity: undefined, handle: undefined });
    this.#watched = [
      place(dir.root),
      place(dir.muse),
      place(dir.coordination),
      ...KINDS.map((kind) => place(dir.of(kind), kind)),
    ];
  }

  get isHealthy(): boolean {
    return this.#watched.every(({ handle }) => handle !== undefined);
  }

  start(sink: HintSink): void {
    this.#sink = sink;
    for (const place of this.#watched) this.#arm(place);
  }

  verify(): void {
    for (const place of this.#watched) {
      const identity = directoryIdentity(place.path);
      if (identity === place.identity && place.handle !== undefined) continue;
      this.#disarm(place);
      if (identity === undefined) {
        if (place.kind) this.#sink?.directory(place.kind);
        continue;
      }
      try {
        this.#arm(place);
      } catch (error) {
        this.#sink?.everything(`cannot watch ${basename(place.path)}: ${(error as Error).message}`);
        continue;
      }
      // Armed, then looked at: nothing falls between.
      if (place.kind) this.#sink?.directory(place.kind);
    }
  }

  stop(): void {
    for (const place of this.#watched) this.#disarm(place);
    this.#sink = undefined;
  }

  #arm(place: Watched): void {
    // Looked at first: one that is swapped in between is found to be another at the next look.
    place.identity = directoryIdentity(place.path);
    const handle = this.watchPath(place.path, (_type, name) => {
      if (place.handle === handle) this.#hint(place, name);
    });
    handle.on('error', (error: Error) => {
      this.#disarm(place);
      this.#sink?.everything(`watching ${basename(place.path)} failed: ${error.message}`);
    });
    place.handle = handle;
  }

  #disarm(place: Watched): void {
    place.handle?.close();
    place.handle = undefined;
    place.identity = undefined;
  }

  #hint(place: Watched, name: string | null): void {
    // A directory that is removed or moved says so with its own name, once. What stands there now is another one, even
    // if it has the old one's inode and was made within the same tick of the file system's clock.
    if (name === basename(place.path)) place.identity = undefined;
    if (place.kind === undefined) {
      // In a parent only the directories on our way matter, and only whether they are still the same.
      if (name === null || this.#watched.some(({ path }) => basename(path) === name)) this.verify();
      return;
    }
    if (name === null) this.#sink?.directory(place.kind);
    else this.#sink?.file(place.kind, name);
    if (name === null || name === basename(place.path)) this.verify();
  }
}
