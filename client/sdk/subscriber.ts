import type {
  CompleteReason,
  EventOrigin,
  FilterInput,
  ResyncReason,
  Revision,
  SubscribeMode,
  WireEvent,
} from '../../protocol/index.js';
import type { BusError } from './bus-error.js';

/** The options of a subscribe message in their wire form. */
export interface SubscribeRequest {
  readonly filter: FilterInput;
  readonly max_events?: number;
  readonly since?: string;
  readonly snapshot: 'full' | 'none';
}

/** What a connection calls on one subscription. */
export interface Subscriber {
  /** Returns the options to subscribe with, given everything received so far; called at every connection. */
  request(): SubscribeRequest;
  began(mode: SubscribeMode, why: ResyncReason | undefined): void;
  synced(at: Revision, origin: EventOrigin): void;
  /** Events of a snapshot, of a replay, or live. */
  events(events: readonly WireEvent[], origin: EventOrigin): void;
  resync(reason: ResyncReason): void;
  /** Every matching event up to revision `upTo`, and so up to `serverNow` (server's clock, Unix milliseconds), has been received. */
  mark(upTo: Revision, serverNow: number): void;
  /** The connection broke; the client reconnects. */
  interrupted(): void;
  completed(reason: Exclude<CompleteReason, 'shutdown'>, delivered: number): void;
  /** The subscription has ended with an error. */
  failed(error: BusError): void;
}
