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

/** The options of a subscribe message, as they travel. */
export interface SubscribeRequest {
  readonly filter: FilterInput;
  readonly max_events?: number;
  readonly since?: string;
  readonly snapshot: 'full' | 'none';
}

/** What a connection tells one subscription. */
export interface Subscriber {
  /** What to ask for now, given all that has been received: asked for at every (re)connection. */
  request(): SubscribeRequest;
  began(mode: SubscribeMode, why: ResyncReason | undefined): void;
  synced(at: Revision, origin: EventOrigin): void;
  /** Of a snapshot, of a replay, or as they happen. */
  events(events: readonly WireEvent[], origin: EventOrigin): void;
  resync(reason: ResyncReason): void;
  /** Everything that matches up to here has been received, and all that happened until then on the server's clock. */
  mark(upTo: Revision, serverNow: number): void;
  /** The connection broke; another will come. */
  interrupted(): void;
  completed(reason: Exclude<CompleteReason, 'shutdown'>, delivered: number): void;
  /** The end, with an error. */
  failed(error: BusError): void;
}
