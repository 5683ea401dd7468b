import type { Kind } from '../../protocol/index.js';

/** The mechanism by which a watcher notices changes. */
export type Mechanism = 'inotify' | 'kqueue' | 'FSEvents' | 'ReadDirectoryChangesW' | 'event ports' | 'polling';

/** Receives a watcher's hints. A hint names what to read, and says nothing about its content. */
export interface HintSink {
  /** A file of this name in the kind's directory may have changed. */
  file(kind: Kind, name: string): void;
  /** Something in the kind's directory may have changed. */
  directory(kind: Kind): void;
  /** A directory on the path to the records may have been replaced. */
  way(): void;
  /** A notification has arrived, even one without effect. A burst of them may have overflowed the kernel's queue. */
  notified(): void;
  /** Anything may have changed without a hint, because the mechanism has failed. */
  everything(why: string): void;
}

/** Notices changes and gives hints. Does nothing before {@link Watcher.start}. */
export interface Watcher {
  readonly mechanism: Mechanism;
  /** Whether every directory is being watched. */
  readonly isHealthy: boolean;
  /** Whether the watcher gives a hint with the name of each file that changes, at once, unless the kernel's queue is full. */
  readonly namesEachFile: boolean;
  /** Starts the watcher: changes give hints as soon as this returns. @throws Error if the mechanism is not available. */
  start(sink: HintSink): void;
  /** Watches each directory that was opened in place of the one that is watched. */
  verify(): void;
  stop(): void;
}
