import { watch, type BigIntStats, type FSWatcher } from 'node:fs';
import { systemFiles, type Files } from '../../server/watch/files.js';
import type { WatchFunction } from '../../server/watch/native-watcher.js';
import type { FileSystem } from '../../server/repository/index.js';
import type { Mechanism, Miss } from '../../server/watch/completeness.js';

const LOCAL: FileSystem = { is: 'local', name: 'a local disk' };
/** The latency that libuv asks FSEvents for, and how long it takes to open the stream again. */
const STREAM_LATENCY_MS = 50;
const STREAM_OPENS_MS = 15;

/** How a platform tells of changes, as far as Linux can imitate it. It shows that something breaks, never that it works there. */
export interface EmulatedPlatform {
  readonly mechanism: Mechanism;
  readonly fileSystem: FileSystem;
  /** What the health must say that its hints leave out. @default nothing */
  readonly misses?: readonly Miss[];
  /** Makes the `fs.watch` of the platform: a new one has no state of another. */
  watch(): WatchFunction;
  /** What its files say of themselves. @default as here */
  readonly files?: Files;
}

/** The system's files with another status of each. */
export function filesWith(change: (stats: BigIntStats) => void): Files {
  const changed = (stats: BigIntStats): BigIntStats => {
    if (stats.isFile()) change(stats);
    return stats;
  };
  return {
    ...systemFiles,
    status: (file) => changed(systemFiles.status(file)),
    look: (path) => {
      const stats = systemFiles.look(path);
      return stats && changed(stats);
    },
  };
}

const SECOND_NS = 1_000_000_000n;
let nextInode = 1n;

/** 4 KiB hold so many records of a change; more of them come as one without a name. */
const BUFFERED = 27;

/** Gives what one turn has brought; if that is too much, only that something has changed. */
function smallBuffer(): WatchFunction {
  return (path, listener) => {
    let waiting: string[] = [];
    return listen(path, (type, name) => {
      if (waiting.length === 0)
        setImmediate(() => {
          const names = waiting;
          waiting = [];
          if (names.length > BUFFERED) listener('change', null);
          else for (const each of names) listener(type, each);
        });
      if (name !== null) waiting.push(name);
    });
  };
}

type Listener = Parameters<WatchFunction>[1];
const listen = (path: string, listener: Listener): FSWatcher => watch(path, { encoding: 'utf8' }, listener);

/** Accepts a watch, and gives no hint of what happens. */
const silent: WatchFunction = (path) => listen(path, () => undefined);

/** One stream for all directories. Each further directory ends it, with what it had not given yet, and opens another. */
function oneStream(): WatchFunction {
  const handles = new Set<object>();
  let heard = new Set<object>();
  let waiting: (() => void)[] = [];
  let flush: NodeJS.Timeout | undefined;
  let opening: NodeJS.Timeout | undefined;
  const reopen = (): void => {
    opening ??= setTimeout(() => {
      opening = undefined;
      waiting = [];
      heard = new Set(handles);
    }, STREAM_OPENS_MS);
  };
  return (path, listener) => {
    const handle = {};
    const real = listen(path, (_type, name) => {
      if (!heard.has(handle)) return;
      waiting.push(() => {
        listener('rename', name);
      });
      flush ??= setTimeout(() => {
        flush = undefined;
        for (const give of waiting.splice(0)) give();
      }, STREAM_LATENCY_MS);
    });
    handles.add(handle);
    reopen();
    return {
      on: real.on.bind(real),
      close: () => {
        handles.delete(handle);
        real.close();
        reopen();
      },
    };
  };
}

export const PLATFORMS: Readonly<Record<string, EmulatedPlatform>> = {
  inotify: { mechanism: 'inotify', fileSystem: LOCAL, watch: () => listen },
  kqueue: {
    mechanism: 'kqueue',
    fileSystem: { is: 'unreported' },
    misses: ['in-place', 'other-end'],
    watch: () => (path, listener) =>
      listen(path, (type) => {
        if (type === 'rename') listener(type, null);
      }),
  },
  FSEvents: {
    mechanism: 'FSEvents',
    fileSystem: { is: 'unreported' },
    misses: ['other-end', 'gaps'],
    watch: oneStream,
  },
  'a layered mount': {
    mechanism: 'inotify',
    fileSystem: { is: 'layered', name: 'overlay' },
    misses: ['other-end'],
    watch: () => silent,
  },
  'a shared mount': {
    mechanism: 'inotify',
    fileSystem: { is: 'shared', name: '9p' },
    misses: ['other-end'],
    watch: () => silent,
  },
  'a local disk without hints': { mechanism: 'inotify', fileSystem: LOCAL, watch: () => silent },
  'removals without hints': {
    mechanism: 'inotify',
    fileSystem: { is: 'layered', name: 'overlay' },
    misses: ['other-end'],
    watch: () => (path, listener) =>
      listen(path, (type, name) => {
        if (type === 'change') listener(type, name);
      }),
  },
  ReadDirectoryChangesW: {
    mechanism: 'ReadDirectoryChangesW',
    fileSystem: { is: 'unreported' },
    misses: ['other-end'],
    watch: smallBuffer,
  },
  'a share that keeps whole seconds': {
    mechanism: 'inotify',
    fileSystem: { is: 'shared', name: 'SMB' },
    misses: ['other-end'],
    watch: () => silent,
    files: filesWith((stats) => {
      stats.mtimeNs = stats.ctimeNs = (stats.mtimeNs / SECOND_NS) * SECOND_NS;
    }),
  },
  'a mount with other inodes at each look': {
    mechanism: 'inotify',
    fileSystem: { is: 'shared', name: 'FUSE' },
    misses: ['other-end'],
    watch: () => silent,
    files: filesWith((stats) => {
      stats.ino = nextInode++;
    }),
  },
};
