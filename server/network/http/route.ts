import type { Clock } from '../../runtime/clock.js';
import type { LoopDelay } from '../../metrics/loop-delay.js';
import type { Limits } from '../../config/options.js';
import type { ServedBus } from '../../inspection/served-bus.js';
import type { HttpAnswer, RequestHead } from '../transport.js';
import type { ConnectionSlots } from './connection-slots.js';

/** The parts of the server that routes use. */
export interface RouteServices {
  readonly bus: ServedBus;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly slots: ConnectionSlots;
  readonly loopDelay: LoopDelay;
}

/** Answers a request for one path. @throws ParameterError, which is answered with 400. */
export type Route = (request: RequestHead) => HttpAnswer;
