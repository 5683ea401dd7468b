import type { Clock } from '../runtime/clock.js';
import { READY, unready, type Readiness } from '../runtime/readiness.js';
import { readinessReply, type ReadinessReport } from './http/readiness.js';
import type { HttpReply } from './transport.js';
import { json } from './reply.js';

/** One of the repositories of a server. */
export interface ReadyPart {
  /** The path below which it is served; empty if it is the only one. */
  readonly path: string;
  readiness(): ReadinessReport;
}

/**
 * Whether a server of several repositories may be given clients. One that is ill must not take the others out of service: the server is
 * ready while any is. Only at its start it waits for all, for a bounded time, so that a rolling upgrade does not go on without them.
 */
export class JointReadiness {
  readonly #startedAt: number;
  #isBegun = false;

  constructor(
    /** They may change: an edge reads its list again. */
    private readonly partsNow: () => readonly ReadyPart[],
    private readonly clock: Clock,
    private readonly patienceMs: number,
  ) {
    this.#startedAt = clock.elapsed();
  }

  get readiness(): Readiness {
    const parts = this.partsNow();
    const ready = parts.filter((part) => part.readiness().readiness.ready).length;
    const isPatient = this.clock.elapsed() - this.#startedAt < this.patienceMs;
    this.#isBegun ||= ready === parts.length || !isPatient;
    if (ready === 0) return unready('no repository is ready');
    if (this.#isBegun) return READY;
    return unready(`${String(parts.length - ready)} of ${String(parts.length)} repositories are not ready yet`);
  }

  /** The answer to `/readyz`. @param tells whether it names the repositories: without a token, only an operator may ask that. */
  reply(tells: 'all' | 'counts'): HttpReply {
    const parts = this.partsNow();
    const [first, ...others] = parts;
    if (first?.path === '' && others.length === 0) return readinessReply(first.readiness());
    const { readiness } = this;
    const reports = parts.map(({ path, readiness }) => ({ path, ...readiness() }));
    const counts = { repositories: reports.length, ready: reports.filter((report) => report.readiness.ready).length };
    const status = readiness.ready ? { status: 'ready' } : { status: 'not ready', reason: readiness.why };
    return json(readiness.ready ? 200 : 503, {
      ...status,
      ...counts,
      ...(tells === 'counts' ? {} : { each: reports.map(toldOf) }),
    });
  }

  /** The answer for the repository at a path; `undefined` if there is none. */
  replyOf(path: string): HttpReply | undefined {
    const part = this.partsNow().find((one) => one.path === path);
    return part && readinessReply(part.readiness());
  }
}

function toldOf({ path, readiness, known }: ReadinessReport & { readonly path: string }): object {
  return readiness.ready
    ? { path, status: 'ready', ...known }
    : { path, status: 'not ready', reason: readiness.why, ...known };
}
