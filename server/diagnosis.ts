import { whyNoLmdb } from './journal/lmdb-table.js';
import { loadNativeEngine } from './network/uws/native-engine.js';
import { whyNoNats } from './relay/nats.js';
import { hasLockLibrary } from './repository/index.js';
import { CheckedDirectories } from './watch/checked-directories.js';
import { whyNotNative } from './watch/choose-watcher.js';
import { CoordinationDir } from './watch/coordination-dir.js';
import { NativeWatcher } from './watch/native-watcher.js';

/** Whether the kernel accepts watches on a repository's directories. Only a server, when it starts, tests that hints then arrive. */
export interface WatchDiagnosis {
  readonly mechanism: string;
  /** Why hints may not arrive; `undefined` if there is no known reason. */
  readonly failure: string | undefined;
}

/**
 * Checks whether the kernel's hints can be trusted in a repository, as far as that is possible without writing to it.
 * @throws CoordinationDirError if its directories cannot be watched as they are.
 */
export function diagnoseWatching(root: string): WatchDiagnosis {
  const directories = new CheckedDirectories(new CoordinationDir(root));
  directories.open('allowed');
  try {
    return { mechanism: new NativeWatcher(directories).mechanism, failure: whyNotNative(directories) };
  } finally {
    directories.close();
  }
}

/** The WebSocket engine that a server on this Node would use, and, if it is not the native one, the reason and the cure. */
export type EngineDiagnosis =
  | {
      readonly engine: 'uws';
      readonly file: string;
      readonly sha256: string;
      /** The package that it is from, and why another that was tried before did not load. */
      readonly why: string;
    }
  | {
      readonly engine: 'ws';
      /** `unknown-binary`: a binary was found whose hash is neither known nor allowed. */
      readonly reason: 'absent' | 'unknown-binary' | 'failed';
      readonly why: string;
      readonly cure: string;
    };

/** Finds the engine that a server would use. @param allowed SHA-256 of native binaries that are allowed beside the known ones. */
export function diagnoseEngine(allowed: readonly string[] = []): EngineDiagnosis {
  const native = loadNativeEngine(allowed);
  if (native.is === 'loaded') return { engine: 'uws', ...native.binary, why: native.said };
  return { engine: 'ws', reason: native.reason, why: native.said, cure: native.cure };
}

/** The optional parts that need a native build or a package: why each cannot be used here; `undefined` if it can. */
export interface PartsDiagnosis {
  readonly journal: string | undefined;
  readonly locks: string | undefined;
  readonly relay: string | undefined;
}

/** Loads each optional part, as a server would. */
export async function diagnoseParts(): Promise<PartsDiagnosis> {
  const [journal, hasLocks, relay] = await Promise.all([whyNoLmdb(), hasLockLibrary(), whyNoNats()]);
  return { journal, locks: hasLocks ? undefined : 'fs-native-extensions does not load', relay };
}
