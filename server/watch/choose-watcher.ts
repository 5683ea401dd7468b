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
 * Returns the watcher for a choice. `auto` takes the kernel's mechanism if it passes a self-test, and otherwise polling, with
 * a warning.
 * @throws Error if the choice is `native` and the self-test fails.
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

/** Returns the watcher of a read-only watch, which cannot write the file of a self-test: the kernel's mechanism if it can be trusted. */
export function chooseWithoutWriting(
  choice: BackendChoice,
  directories: CheckedDirectories,
  clock: Clock,
  pollIntervalMs: number,
): Watcher {
  const isDeaf = choice === 'polling' || whyNotNative(directories) !== undefined;
  return isDeaf ? new PollingWatcher(pollIntervalMs, clock) : new NativeWatcher(directories);
}

/** @returns why the kernel's hints may not arrive; `undefined` if no reason can be found without writing a file. */
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
