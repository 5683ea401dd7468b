import { hostname } from 'node:os';
import type { Endpoint } from './endpoint.js';
import type { LockHolder } from './lock-holder.js';

/** Another process serves the repository. The message names it and says what to do. */
export class LockError extends Error {
  override readonly name = 'LockError';
  readonly code = 'MUSE_BUS_LOCKED';

  constructor(
    path: string,
    /** `undefined` if the other process has not published its endpoint. */
    readonly holder: Pick<Endpoint, 'url' | 'pid'> | undefined,
    /** Who has the lock, as the lock file says. */
    by?: LockHolder,
  ) {
    const where = by?.host === undefined || by.host === hostname() ? '' : ` on ${by.host}`;
    const starting = by === undefined ? 'a process' : `process ${String(by.pid)}`;
    const who = holder
      ? `process ${String(holder.pid)}${where} at ${holder.url}`
      : `${starting}${where} which is just starting or stopping`;
    super(
      `this repository is served already by ${who} (${path}): connect to that bus, ` +
        'or stop it before starting another',
    );
  }
}
