import type { Clock } from '../clock.js';
import type { LoopDelay } from '../metrics/loop-delay.js';
import type { Limits } from '../options.js';
import type { ServedBus } from '../served-bus.js';
import type { HttpAnswer, RequestHead } from '../transport/transport.js';
import { eventsRoute } from './events.js';
import { holdersRoute } from './holders.js';
import { metricsRoute } from './metrics.js';
import type { Places } from './places.js';
import { recordsRoute } from './records.js';

export interface RouteServices {
  readonly bus: ServedBus;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly places: Places;
  readonly loopDelay: LoopDelay;
}

/** Answers a request for one path. @throws QueryError, which becomes a 400. */
export type Route = (request: RequestHead) => HttpAnswer;

/** What the token opens. */
export function tokenRoutes(services: RouteServices): ReadonlyMap<string, Route> {
  return new Map([
    ['/records', recordsRoute(services)],
    ['/holders', holdersRoute(services)],
    ['/events', eventsRoute(services)],
    ['/metrics', metricsRoute(services)],
  ]);
}
