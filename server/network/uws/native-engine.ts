import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  chooseNative,
  cureOf,
  describeChoice,
  loadedOf,
  type NativeBinary,
  type NativeFiles,
} from './native-choice.js';
import type { Machine } from './native-packages.js';
import type { UwsEngine } from './uws-transport.js';

/** The native engine of this process, and where it comes from; or why there is none, and what to do about it. */
export type NativeEngine =
  | { readonly is: 'loaded'; readonly engine: UwsEngine; readonly binary: NativeBinary; readonly said: string }
  | {
      readonly is: 'unavailable';
      /** `unknown-binary`: a binary was found whose hash is neither known nor allowed; it may be malicious. */
      readonly reason: 'absent' | 'unknown-binary' | 'failed';
      readonly said: string;
      readonly cure: string;
    };

/**
 * Finds, checks and loads the native engine.
 * @param allowed SHA-256 of binaries that are allowed beside those that this program was tested with.
 */
export function loadNativeEngine(
  allowed: readonly string[],
  files: NativeFiles<UwsEngine> = NATIVE_FILES,
): NativeEngine {
  const choice = chooseNative(machineOf(undefined), allowed, files);
  const loaded = loadedOf(choice);
  if (loaded) {
    const { engine, binary } = loaded;
    return { is: 'loaded', engine, binary, said: describeChoice(choice, machineOf(undefined)) };
  }
  const machine = machineOf(glibcVersion());
  const has = (at: 'unknown-binary' | 'failed'): boolean => choice.some((trial) => trial.at === at);
  return {
    is: 'unavailable',
    reason: has('unknown-binary') ? 'unknown-binary' : has('failed') ? 'failed' : 'absent',
    said: describeChoice(choice, machine),
    cure: cureOf(choice, machine),
  };
}

/** The packages as Node finds them from here. */
export const NATIVE_FILES: NativeFiles<UwsEngine> = {
  directoryOf(name) {
    // Not by resolving the package's entry: of some of these packages only `import` has one, and it is never loaded.
    const places = createRequire(import.meta.url).resolve.paths(name) ?? [];
    return places.map((place) => join(place, name)).find((directory) => existsSync(join(directory, 'package.json')));
  },

  /**
   * To hash the 7 MB of a binary takes 17 ms on a processor without SHA instructions and a third of that with them, once when a server
   * starts.
   */
  binaryIn(directory, name) {
    // The first path is that of the repack (uws-pack), the second that of the official build.
    const file = [join(directory, 'dist', 'bin', name), join(directory, name)].find((path) => existsSync(path));
    return file === undefined
      ? undefined
      : { file, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
  },

  /** Loads the checked binary directly. The JavaScript around it in its package never runs. */
  load({ file }) {
    // The engine reads this variable when it is loaded. The bound is the same as for the other engine, in bytes.
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '10240';
    return createRequire(import.meta.url)(file) as UwsEngine;
  },
};

function machineOf(glibc: string | undefined): Machine {
  const { platform, arch, versions } = process;
  return { node: versions.node, abi: versions.modules, platform, arch, glibc };
}

/** Takes some milliseconds, so it is asked only when no engine loads. */
function glibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}
