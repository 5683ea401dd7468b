import { ENDPOINT_FILE } from './endpoint.js';
import type { LockWeakness } from './file-lock.js';
import type { LockHolder } from './lock-holder.js';
import { ANSWER_PATIENCE_MS } from './lock-question.js';
import type { PrivateDirectory } from './private-directory.js';

/** Logs a fault that does not keep the repository from being served. */
export type Warn = (fields: object, message: string) => void;

export function warnOfReadableState({ path }: PrivateDirectory, warn: Warn): void {
  warn(
    { directory: path, advice: 'name another directory with --state-dir or MUSE_BUS_STATE_DIR' },
    'the file system of the private state has no file modes: other users of this machine may be able to read the token and the journal',
  );
}

/** Says where the endpoint is, if everybody could read it in the repository. */
export function warnOfHiddenEndpoint(bus: PrivateDirectory, state: PrivateDirectory, warn: Warn): void {
  warn(
    { directory: bus.path, endpoint: state.pathOf(ENDPOINT_FILE) },
    'the file system of the repository has no file modes, so the endpoint with the token is only in the private state: ' +
      'clients with another state directory need --url and --token-file',
  );
}

/** Says that the lock does not keep out every other server, and why. */
export function warnOfWeakness(weakness: LockWeakness | undefined, warn: Warn): void {
  if (weakness === undefined) return;
  const why =
    weakness === 'no library'
      ? 'the library for file locks does not load on this platform'
      : 'this file system keeps no locks';
  warn({ why }, `${why}: if two servers of this repository start at the same instant, both may run`);
}

/** Says that a server of another kernel is asked whether it runs, or has not answered. */
export function warnOfSilentHolder({ pid, host }: LockHolder, what: 'asking' | 'silent', warn: Warn): void {
  const seconds = String(ANSWER_PATIENCE_MS / 1_000);
  const text =
    what === 'asking'
      ? `a server of another machine or container had this repository: it has ${seconds} s to answer`
      : `it gave no answer within ${seconds} s and counts as gone; if it was only suspended, it exits as soon as it continues`;
  warn({ pid, host }, text);
}
