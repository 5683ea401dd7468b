import { KINDS } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { HintSink, Watcher } from './watcher.js';

/** Gives a hint for every directory at a fixed interval, for file systems that send no notifications. */
export class PollingWatcher implements Watcher {
  readonly mechanism = 'polling';
  readonly isHealthy = true;
  readonly namesEachFile = false;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly intervalMs: number,
    private readonly clock: Clock,
  ) {}

  start(sink: HintSink): void {
    this.#cancel = this.clock.after(this.intervalMs, () => {
      sink.way();
      for (const kind of KINDS) sink.directory(kind);
      this.start(sink);
    });
  }

  verify(): void {
    // Nothing to do: each comparison reads the directories that are open at that time.
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
