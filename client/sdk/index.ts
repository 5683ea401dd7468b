/** The SDK: `const bus = await connect()`, then `for await (const event of bus.subscribe({ kinds: ['reservation'] }))`. */
export type {
  BusEvent,
  ConflictForm,
  DataOf,
  EventLease,
  EventOf,
  EventType,
  ExplainParams,
  Explanation,
  FilterInput,
  JsonObject,
  JsonValue,
  Kind,
  LeaseState,
  Overview,
  OverviewParams,
  Problem,
  Reason,
  RecordName,
  ResyncReason,
  Welcome,
} from '../../protocol/index.js';
export { EVENT_TYPES, KINDS, VERSION } from '../../protocol/index.js';
export type { BackoffOptions } from './backoff.js';
export type { WhenFreeOptions } from './address-waits.js';
export type { AskOptions } from './ask-options.js';
export { BusClient, type ClientOptions } from './bus-client.js';
export { BusError, type BusErrorCode } from './bus-error.js';
export type { Channel, ChannelListener, Dial } from './channel.js';
export type { ClientClock } from './clock.js';
export { connect, type ConnectOptions } from './connect.js';
export type { AddressHolding, Holder, HoldersOptions } from './holders.js';
export type { Logger } from './logger.js';
export { Mirror } from './mirror.js';
export type { MirrorOptions, MirrorRecord } from './mirror-options.js';
export type { MirrorStatus } from './mirror-state.js';
export type { TlsOptions } from './node-channel.js';
export type { RecordChange, StandingRecord } from './record-view.js';
export type { BusStatus } from './status.js';
export { Subscription } from './subscription.js';
export type { Completion } from './subscription-progress.js';
export type { SubscribeOptions } from './subscribe-options.js';
export type { GetToken } from './token-dial.js';
export type { Update } from './update.js';
