import { parseCursor, ProtocolError, readFilter, type BusEvent, type FilterInput } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import { ANY_TEXT, CALL, checkOptions, integer, oneOf, SIGNAL, type OptionTable } from './option-table.js';

export interface SubscribeOptions {
  /**
   * End with the event of this number, snapshot events counted; what is left is carried over reconnections. A snapshot that a
   * broken connection cuts off comes again whole, and what was sent of it does not count.
   */
  readonly maxEvents?: number | undefined;
  /** Resume after this cursor instead of beginning with a snapshot. */
  readonly since?: string | undefined;
  /** @default 'full' */
  readonly snapshot?: 'full' | 'none' | undefined;
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined;
  /** Events that it refuses are not shown; asked in this process, beside the filter, which the server asks. */
  readonly where?: ((event: BusEvent) => boolean) | undefined;
  /**
   * Change events that may wait to be consumed, live or replayed; what one message brings is taken whole, and so is a
   * snapshot. @default 1_024
   */
  readonly bufferSize?: number | undefined;
  /**
   * What happens when more wait: `wait` leaves them on the server and fetches them from its history later; `latest` keeps
   * of each record only the last event; `fail` ends the subscription with an error. @default 'wait'
   */
  readonly whenFull?: 'wait' | 'latest' | 'fail' | undefined;
}

export const SUBSCRIBE_OPTIONS: OptionTable<SubscribeOptions> = {
  maxEvents: integer(1, 2 ** 31 - 1),
  since: ANY_TEXT,
  snapshot: oneOf('full', 'none'),
  signal: SIGNAL,
  where: CALL,
  bufferSize: integer(1, 2 ** 31 - 1),
  whenFull: oneOf('wait', 'latest', 'fail'),
};

/** Most of the server's own checks, made before anything is sent: a mistake shows at the call that made it. */
export function validate(filter: FilterInput, options: SubscribeOptions): void {
  checkFilter(filter);
  checkOptions('subscribe', options, SUBSCRIBE_OPTIONS);
  const { since } = options;
  if (since !== undefined && !parseCursor(since)) {
    throw new BusError('bad-option', `since must be a cursor, "epoch:revision", got ${since}`, 'take it from an event');
  }
}

/** @throws BusError `bad-option`, for a filter that no server would take. */
export function checkFilter(filter: FilterInput): void {
  try {
    readFilter(filter);
  } catch (error) {
    if (error instanceof ProtocolError) throw new BusError(error.code, error.message, 'change the filter');
    throw error;
  }
}

/** Whether a snapshot shows what stands. */
export function wantsSnapshot({ event_types }: FilterInput, { snapshot = 'full' }: SubscribeOptions): boolean {
  return snapshot === 'full' && (event_types === undefined || event_types.includes('snapshot'));
}
