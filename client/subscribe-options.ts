import { parseCursor, ProtocolError, readFilter, type FilterInput } from '../protocol/index.js';
import { BusError } from './bus-error.js';

export interface SubscribeOptions {
  /** End with the event of this number, snapshot events counted; what is left is carried over reconnections. */
  readonly maxEvents?: number;
  /** Resume after this cursor instead of beginning with a snapshot. */
  readonly since?: string;
  /** @default 'full' */
  readonly snapshot?: 'full' | 'none';
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
  /**
   * Change events that may wait to be consumed, live or replayed; what one message brings is taken whole, and so is a
   * snapshot. @default 1_024
   */
  readonly bufferSize?: number;
  /**
   * What happens when more wait: `wait` leaves them on the server and fetches them from its history later; `latest` keeps
   * of each record only the last event; `fail` ends the subscription with an error. @default 'wait'
   */
  readonly whenFull?: 'wait' | 'latest' | 'fail';
}

/** Most of the server's own checks, made before anything is sent: a mistake shows at the call that made it. */
export function validate(filter: FilterInput, { maxEvents, since }: SubscribeOptions): void {
  try {
    readFilter(filter);
  } catch (error) {
    if (error instanceof ProtocolError) throw new BusError(error.code, error.message, 'change the filter');
    throw error;
  }
  if (maxEvents !== undefined && !(Number.isInteger(maxEvents) && maxEvents >= 1 && maxEvents < 2 ** 31)) {
    throw new BusError('bad-option', `maxEvents must be an integer from 1 to 2^31 - 1, got ${String(maxEvents)}`, '');
  }
  if (since !== undefined && !parseCursor(since)) {
    throw new BusError('bad-option', `since must be a cursor, "epoch:revision", got ${since}`, 'take it from an event');
  }
}
