import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removePatiently } from '../repository/index.js';
import type { Clock } from '../runtime/clock.js';
import type { CheckedDirectories } from './checked-directories.js';
import type { Watcher } from './watcher.js';

/** The beginning of the names of files that only prove that hints arrive. */
export const SELF_TEST_PREFIX = '.muse-bus-self-test-';
/** How long a hint may take before the mechanism counts as not working. */
const PATIENCE_MS = 1_000;
/** On macOS no hint arrives until the stream of notifications runs, some time after it was requested. So the test writes again. */
const AGAIN_MS = 100;

/**
 * Proves that a change in each file system that holds records gives a hint: writes a file whose name is not a record's, and
 * waits. Network mounts and some container mounts accept a watch and never send a notification.
 * @returns the error, or the directories from which no hint came; `undefined` if the watcher works.
 */
export async function selfTest(
  watcher: Watcher,
  directories: CheckedDirectories,
  clock: Clock,
): Promise<string | undefined> {
  const places = oneOfEachDevice(directories);
  const name = `${SELF_TEST_PREFIX}${String(process.pid)}`;
  const waiting = new Set<string>(places.keys());
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const note = (kind: string): void => {
    waiting.delete(kind);
    if (waiting.size === 0) finish();
  };
  try {
    watcher.start({
      file: (kind, file) => file === name && note(kind),
      directory: note,
      ancestor: () => undefined,
      notified: () => undefined,
      everything: () => undefined,
    });
    let cancelWrite: () => void = () => undefined;
    const write = (): void => {
      for (const kind of waiting) writeFileSync(join(places.get(kind)!, name), String(clock.elapsed()));
      cancelWrite = clock.after(AGAIN_MS, write);
    };
    write();
    let cancel: () => void = () => undefined;
    const tooLate = new Promise<void>((resolve) => (cancel = clock.after(PATIENCE_MS, resolve)));
    await Promise.race([finished, tooLate]);
    cancel();
    cancelWrite();
    return waiting.size === 0 ? undefined : `no hint from ${[...waiting].join(', ')} within ${String(PATIENCE_MS)} ms`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    watcher.stop();
    for (const path of places.values()) removePatiently(join(path, name));
  }
}

function oneOfEachDevice({ places }: CheckedDirectories): Map<string, string> {
  const chosen = new Map<string, string>();
  const devices = new Set<string | undefined>();
  for (const { kind, reach, identity } of places) {
    const device = identity?.split(':')[0];
    if (kind === undefined || reach === undefined || devices.has(device)) continue;
    devices.add(device);
    chosen.set(kind, reach);
  }
  return chosen;
}
