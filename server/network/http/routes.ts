import { eventsRoute } from './events.js';
import { holdersRoute } from './holders.js';
import { metricsRoute } from './metrics.js';
import { recordsRoute } from './records.js';
import type { Route, RouteServices } from './route.js';

/** Returns the routes that need the token, by path. */
export function tokenRoutes(services: RouteServices): ReadonlyMap<string, Route> {
  return new Map([
    ['/records', recordsRoute(services)],
    ['/holders', holdersRoute(services)],
    ['/events', eventsRoute(services)],
    ['/metrics', metricsRoute(services)],
  ]);
}
