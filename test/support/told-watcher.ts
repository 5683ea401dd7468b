import { completenessOf, type Completeness } from '../../server/watch/completeness.js';
import type { HintSink, Watcher } from '../../server/watch/watcher.js';

/** Gives the hints that a test gives. */
export class ToldWatcher implements Watcher {
  readonly mechanism = 'inotify';
  isHealthy = true;
  completeness: Completeness = completenessOf('inotify', { is: 'local', name: 'ext4' });
  sink!: HintSink;

  start(sink: HintSink): void {
    this.sink = sink;
  }

  verify(): void {
    // Nothing is watched.
  }

  stop(): void {
    // Nothing is watched.
  }
}
