import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { BackendChoice } from '../options.js';
import type { CheckedDirectories } from './checked-directories.js';
import { NativeWatcher } from './native-watcher.js';
import { PollingWatcher } from './polling-watcher.js';
import { selfTest } from './self-test.js';
import type { Watcher } from './watcher.js';

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
