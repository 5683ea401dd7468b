import { completenessOf, type Completeness } from './completeness.js';
import type { FileSystem } from '../repository/index.js';
import { passingTo, type HintSink, type Watcher } from './watcher.js';

/**
 * Watches a file system on which hints cannot be relied on: all changes are found by comparison, as often as its
 * {@link Completeness} demands. If the kernel's hints are given too, they only make some changes known earlier.
 */
export class PollingWatcher implements Watcher {
  readonly mechanism = 'polling';
  readonly isHealthy = true;
  readonly completeness: Completeness;
  #isHinted = false;

  constructor(
    fileSystem: FileSystem,
    /** The kernel's mechanism, if it should be listened to. */
    private readonly hints?: Watcher,
  ) {
    this.completeness = completenessOf('polling', fileSystem);
  }

  start(sink: HintSink): void {
    if (!this.hints) return;
    try {
      this.hints.start(passingTo(sink, { everything: () => undefined }));
      this.#isHinted = true;
    } catch {
      this.hints.stop();
    }
  }

  verify(): void {
    if (this.#isHinted) this.hints?.verify();
  }

  stop(): void {
    this.hints?.stop();
    this.#isHinted = false;
  }
}
