/** The wire of muse-bus: everything a client or a server of another make needs. PROTOCOL.md is the normative text. */
export type { Epoch, GroupId, Revision, SubscriptionId, UnixMillis } from './brand.js';
export { epoch, groupId, revision, subscriptionId, unixMillis } from './brand.js';
export { decodeStrictly, packMessage, unpackMessage, unpackStrictly } from './codec.js';
export { checkMessagePack } from './msgpack-check.js';
export type { Cursor } from './cursor.js';
export { formatCursor, parseCursor } from './cursor.js';
export { BEARER_SUBPROTOCOL, SUBPROTOCOLS, type Encoding } from './encoding.js';
export type { ErrorCode } from './errors.js';
export { CloseCode, ERROR_CODES, ProtocolError, RECONNECT_AFTER } from './errors.js';
export type {
  BusEvent,
  EventOf,
  EventOrigin,
  EventLease,
  EventType,
  Observed,
  Reason,
  WireEvent,
  WireLease,
} from './event.js';
export { BEGINNING, EVENT_TYPES, REASONS, isKnownEvent, toBusEvent } from './event.js';
export type { Problem } from './problem.js';
export { isOfContent, PROBLEMS } from './problem.js';
export type { Filter, FilterInput, FilterLimits } from './filter.js';
export { EVERYTHING, FILTER_FIELDS, FILTER_LIMITS, filterKey, readFilter, snakeCase } from './filter.js';
export { GlobError } from './glob-tree.js';
export { isGlob } from './glob-form.js';
export { compileGlob, MAX_GLOBBED_LENGTH, readGlob } from './glob.js';
export type {
  ConnectionView,
  ExplainCode,
  ExplainParams,
  ExplainQuestion,
  ExplainReason,
  Explanation,
  GroupView,
  Inspection,
  Inspections,
  InspectionTopic,
  Overview,
  OverviewParams,
  SubscriptionView,
  Verdict,
} from './inspection.js';
export { EXPLAIN_CODES, INSPECTION_TOPICS, readInspection, VERDICTS } from './inspection.js';
export { parseFilter } from './parse-filter.js';
export type { Kind } from './kinds.js';
export { KIND_DIRECTORIES, kindFromName, kindIndex, KINDS } from './kinds.js';
export type { Matchable, Matcher, RecordField } from './matcher.js';
export {
  FollowedFields,
  MAX_FOLLOWERS,
  sameFollowed,
  type Followed,
  type FollowerMove,
  type FollowerName,
} from './followed-fields.js';
export { compileFilter, filterCost, matchable } from './matcher.js';
export type { ClientMessage, Refusal, ServerMessage, SubscribeOptions, Welcome } from './messages.js';
export type { CompleteReason, ResyncReason, SubscribeMode } from './subscription-terms.js';
export type { WatchHealth, WatchState } from './watch-health.js';
export { MessageType } from './message-type.js';
export { MAX_CONNECTION_NAME_LENGTH, parseConnectionName } from './connection-name.js';
export { readClientMessage } from './messages.js';
export { RESYNC_REASONS } from './subscription-terms.js';
export { isServerMessage } from './server-message.js';
export { closestMatch } from './closest-match.js';
export { utf8Bytes } from './utf8.js';
export type {
  ClaimData,
  DataByKind,
  DataOf,
  DependencyData,
  HeartbeatData,
  IntentData,
  JsonObject,
  JsonValue,
  RecordData,
  ReleaseData,
  ReservationData,
  TaskData,
} from './record.js';
export type { BookedLease, LeaseChange } from './lease-book.js';
export { LeaseBook } from './lease-book.js';
export type {
  Address,
  AddressContext,
  AddressProblem,
  Agent,
  AgentState,
  Conflict,
  ConflictForm,
  Holding,
  Intent,
  Lease,
  LeaseForm,
  LeaseState,
  Moment,
  Party,
  SwarmRecord,
  Task,
  Wait,
} from './swarm/index.js';
export {
  conflictForm,
  covers,
  describeIntent,
  endOf,
  HISTORY_AFTER_MS,
  isHeld,
  isHistory,
  leaseForm,
  normalBranch,
  overlap,
  parseAddress,
  parseQuery,
  Swarm,
} from './swarm/index.js';
export { isNaive, parseTimestamp } from './timestamp.js';
export { DEFAULT_PORT, FEATURES, PROTOCOL_VERSION, VERSION } from './version.js';
export { fromVisibleText, isVisible, jsonLine, visibleJson, visibleText } from './visible-text.js';
export { explainProblem, fieldProblems, fieldText, leaseTime, problemOf, recordProblems } from './record-problem.js';
