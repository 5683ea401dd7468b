import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { BackendChoice } from '../options.js';
import type { CheckedDirectories } from './checked-directories.js';
import { NativeWatcher } from './native-watcher.js';
import { PollingWatcher } from './polling-watcher.js';
import { selfTest } from './self-test.js';
import type { HintSink, Mechanism, Watcher } from './watcher.js';

/**
 * The mechanism asked for. `auto` takes the kernel's where a self-test hears it, and polling, with a warning, where not.
 * @throws Error where `native` is asked for and is deaf.
 */
export async function chooseWatcher(
  choice: BackendChoice,
  directories: CheckedDirectories,
  clock: Clock,
  log: Log,
  pollIntervalMs: number,
): Promise<Watcher> {
  const polling = (): Watcher => new PollingWatcher(pollIntervalMs, clock);
  if (choice === 'polling') return polling();
  const native = new NativeWatcher(directories);
  const deaf = await selfTest(native, directories, clock);
  if (deaf === undefined) return native;
  const text = `${native.mechanism} does not work on ${directories.dir.coordination}: ${deaf}`;
  if (choice === 'native') throw new Error(`${text}; choose --backend auto or polling`);
  log.warn({ mechanism: native.mechanism, why: deaf }, `${text}; polling every ${String(pollIntervalMs)} ms instead`);
  return polling();
}

/**
 * For who writes nothing: whether hints arrive has not been proven, so they only make it quicker, and the directories are
 * compared all the while. Polling, where the mechanism cannot be had at all.
 */
export function chooseWithoutWriting(
  choice: BackendChoice,
  directories: CheckedDirectories,
  clock: Clock,
  _log: Log,
  pollIntervalMs: number,
): Promise<Watcher> {
  const polling = new PollingWatcher(pollIntervalMs, clock);
  return Promise.resolve(choice === 'polling' ? polling : new UnprovenWatcher(new NativeWatcher(directories), polling));
}

/** The kernel's hints, believed when they come and never missed when they do not. */
class UnprovenWatcher implements Watcher {
  readonly namesEachFile = false;
  readonly isHealthy = true;
  #isNative = true;

  constructor(
    private readonly native: Watcher,
    private readonly polling: Watcher,
  ) {}

  get mechanism(): Mechanism {
    return (this.#isNative ? this.native : this.polling).mechanism;
  }

  start(sink: HintSink): void {
    try {
      this.native.start(sink);
    } catch {
      this.native.stop();
      this.#isNative = false;
    }
    this.polling.start(sink);
  }

  verify(): void {
    if (this.#isNative) this.native.verify();
    this.polling.verify();
  }

  stop(): void {
    this.native.stop();
    this.polling.stop();
  }
}
