import type { Clock } from '../clock.js';
import type { LoopDelay } from '../metrics/loop-delay.js';
import type { Limits } from '../options.js';
import type { ServedBus } from '../served-bus.js';
import type { HttpAnswer, RequestHead } from '../transport/transport.js';
import type { Places } from './places.js';

/** What routes draw on. */
export interface RouteServices {
  readonly bus: ServedBus;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly places: Places;
  readonly loopDelay: LoopDelay;
}

/** Answers a request for one path. @throws QueryError, which becomes a 400. */
export type Route = (request: RequestHead) => HttpAnswer;
