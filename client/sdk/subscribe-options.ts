import {
  MAX_EVENTS,
  parseCursor,
  ProtocolError,
  readFilter,
  type BusEvent,
  type FilterInput,
} from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import { ANY_TEXT, CALL, checkOptions, integer, oneOf, SIGNAL, type OptionTable } from './option-table.js';

/** The options of a subscription. */
export interface SubscribeOptions {
  /**
   * The number of events after which the subscription ends, events of snapshots included. The count continues over reconnections.
   * If the connection breaks within a snapshot, the whole snapshot comes again, and the events of the broken one do not count.
   * @default no limit
   */
  readonly maxEvents?: number | undefined;
  /**
   * A cursor of an event or a subscription: resume after it instead of beginning with a snapshot. If the server no longer has what happened
   * since, the iterator fails with `resync`; `updates()` continues with a snapshot.
   * @default none
   */
  readonly since?: string | undefined;
  /** Whether the current records are sent first (`full`), or only changes (`none`). @default 'full' */
  readonly snapshot?: 'full' | 'none' | undefined;
  /** Ends the subscription when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Returns whether the iterator shows an event. Runs in this process, after the server has applied the filter; not applied to
   * `updates()`. @default shows all
   */
  readonly where?: ((event: BusEvent) => boolean) | undefined;
  /**
   * How many received changes may wait for the reader. A message and a snapshot are always received whole, so more may wait for a time.
   * @default 1_024
   */
  readonly bufferSize?: number | undefined;
  /**
   * What the client does when more than `bufferSize` wait. `wait`: leaves the next ones on the server and fetches them from its history
   * later. `latest`: keeps only the last event of each record. `fail`: ends the subscription with the error `overflow`.
   * @default 'wait'
   */
  readonly whenFull?: 'wait' | 'latest' | 'fail' | undefined;
}

export const SUBSCRIBE_OPTIONS: OptionTable<SubscribeOptions> = {
  maxEvents: integer(1, MAX_EVENTS),
  since: ANY_TEXT,
  snapshot: oneOf('full', 'none'),
  signal: SIGNAL,
  where: CALL,
  bufferSize: integer(1, MAX_EVENTS),
  whenFull: oneOf('wait', 'latest', 'fail'),
};

/** Makes most of the server's checks before anything is sent, so that the wrong call itself throws. @throws BusError `bad-option` */
export function validate(filter: FilterInput, options: SubscribeOptions): void {
  checkFilter(filter);
  checkOptions('subscribe', options, SUBSCRIBE_OPTIONS);
  const { since } = options;
  if (since !== undefined && !parseCursor(since)) {
    throw new BusError('bad-option', `since must be a cursor, "epoch:revision", got ${since}`, 'take it from an event');
  }
}

/** @throws BusError `bad-option`, for a filter that every server refuses. */
export function checkFilter(filter: FilterInput): void {
  try {
    readFilter(filter);
  } catch (error) {
    if (error instanceof ProtocolError) throw new BusError(error.code, error.message, 'change the filter');
    throw error;
  }
}

/** Whether the events name every record that matches: they begin with a snapshot, and not after a cursor of an earlier reader. */
export function knowsAllRecords({ event_types }: FilterInput, { since, snapshot = 'full' }: SubscribeOptions): boolean {
  const hasSnapshots = snapshot === 'full' && (event_types === undefined || event_types.includes('snapshot'));
  return hasSnapshots && since === undefined;
}
