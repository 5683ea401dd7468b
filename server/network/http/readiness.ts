import type { WatchHealth } from '../../../protocol/index.js';
import type { RelayStatus, ServedBus } from '../../inspection/served-bus.js';
import type { Readiness } from '../../runtime/readiness.js';
import type { HttpReply } from '../transport.js';
import { json } from '../reply.js';

/** Whether a server may be given clients, and what it knows about itself. */
export interface ReadinessReport {
  readonly readiness: Readiness;
  readonly known: WatchHealth & {
    /** Missing before the first records. */
    readonly revision?: number;
    readonly journal: ServedBus['journalHealth'];
    readonly relay?: RelayStatus;
  };
}

/** The answer to `/readyz`: 200, or 503 with the reason. */
export function readinessReply({ readiness, known }: ReadinessReport): HttpReply {
  if (readiness.ready) return json(200, { status: 'ready', ...known });
  return json(503, { status: 'not ready', reason: readiness.why, ...known });
}
