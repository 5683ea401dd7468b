import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { BackendChoice } from '../config/options.js';
import type { CheckedDirectories } from './checked-directories.js';
import { deafFileSystem } from './deaf-file-systems.js';
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

/** The mechanism of whoever only looks, and so writes no file to hear of: the kernel's, where it can be trusted without that. */
export function chooseWithoutWriting(
  choice: BackendChoice,
  directories: CheckedDirectories,
  clock: Clock,
  pollIntervalMs: number,
): Watcher {
  const isDeaf = choice === 'polling' || whyNotNative(directories) !== undefined;
  return isDeaf ? new PollingWatcher(pollIntervalMs, clock) : new NativeWatcher(directories);
}

/** @returns why the kernel's hints may not arrive; `undefined` where they do, as far as can be known without writing. */
export function whyNotNative(directories: CheckedDirectories): string | undefined {
  const deaf = deafFileSystem(directories.dir.muse);
  if (deaf !== undefined) return `changes on ${deaf} that are made elsewhere give no hint here`;
  const native = new NativeWatcher(directories);
  const ignore = (): void => undefined;
  try {
    native.start({ file: ignore, directory: ignore, way: ignore, notified: ignore, everything: ignore });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    native.stop();
  }
}
