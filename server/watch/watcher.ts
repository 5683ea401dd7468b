import type { Kind } from '../../protocol/index.js';

/** How changes are noticed. */
export type Mechanism = 'inotify' | 'kqueue' | 'FSEvents' | 'ReadDirectoryChangesW' | 'event ports' | 'polling';

/** Where a watcher's hints go. A hint says where to look, and nothing of what is to be seen there. */
export interface HintSink {
  /** A file of this name in the kind's directory may have changed. */
  file(kind: Kind, name: string): void;
  /** Something in the kind's directory may have changed. */
  directory(kind: Kind): void;
  /** A directory on the way to the records may be another by now. */
  way(): void;
  /** The mechanism has said something of no interest: what comes in a flood may have been more than it can hold. */
  notified(): void;
  /** Anything may have changed unnoticed: the mechanism has failed, or works again. */
  everything(why: string): void;
}

/** Notices changes; inert until started. */
export interface Watcher {
  readonly mechanism: Mechanism;
  /** Whether every directory is being watched. */
  readonly isHealthy: boolean;
  /** Whether each file that changes is hinted at by its name, at once, as long as the kernel has room for hints. */
  readonly namesEachFile: boolean;
  /** From the return of this call on, changes give hints. @throws where the mechanism cannot be had at all. */
  start(sink: HintSink): void;
  /** Watches the directories that are open now, where they are others than those that are watched. */
  verify(): void;
  stop(): void;
}
