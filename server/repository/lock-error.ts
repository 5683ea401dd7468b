import type { Endpoint } from './endpoint.js';

/** Another process serves the repository. The message names it and says what to do. */
export class LockError extends Error {
  override readonly name = 'LockError';
  readonly code = 'MUSE_BUS_LOCKED';

  constructor(
    path: string,
    /** `undefined` if the other process has not published its endpoint. */
    readonly holder: Pick<Endpoint, 'url' | 'pid'> | undefined,
    pid?: number,
  ) {
    const starting = pid === undefined ? 'a process' : `process ${String(pid)}`;
    const who = holder
      ? `process ${String(holder.pid)} at ${holder.url}`
      : `${starting} which is just starting or stopping`;
    super(
      `this repository is served already by ${who} (${path}): connect to that bus, ` +
        'or stop it before starting another',
    );
  }
}
