import type { Kind } from '../../protocol/index.js';
import type { Completeness, Mechanism } from './completeness.js';

/** Receives a watcher's hints. A hint names what to read, and says nothing about its content. */
export interface HintSink {
  /** A file of this name in the kind's directory may have changed. */
  file(kind: Kind, name: string): void;
  /** Something in the kind's directory may have changed. */
  directory(kind: Kind): void;
  /** A directory on the path to the records may have been replaced. */
  ancestor(): void;
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
  /** What its hints leave out, as far as is known now. */
  readonly completeness: Completeness;
  /** Starts the watcher: changes give hints as soon as this returns. @throws Error if the mechanism is not available. */
  start(sink: HintSink): void;
  /** Watches each directory that was opened in place of the one that is watched. */
  verify(): void;
  stop(): void;
}

/** Passes hints on to another sink, except those that `instead` receives. */
export const passingTo = (sink: HintSink, instead: Partial<HintSink> = {}): HintSink => ({
  file: (kind, name) => {
    sink.file(kind, name);
  },
  directory: (kind) => {
    sink.directory(kind);
  },
  ancestor: () => {
    sink.ancestor();
  },
  notified: () => {
    sink.notified();
  },
  everything: (why) => {
    sink.everything(why);
  },
  ...instead,
});
