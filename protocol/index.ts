/** The wire of muse-bus: everything that another implementation of a client or a server needs. PROTOCOL.md is the normative text. */
export type { Epoch, GroupId, Revision, SubscriptionId, UnixMillis } from './brand.js';
export { epoch, groupId, revision, subscriptionId, unixMillis } from './brand.js';
export { isJsonObject } from './json-object.js';
export { pauseMs, type ClockReading } from './pause.js';
export { parseQueryString, type QueryParameter } from './query-string.js';
export { systemErrorWords } from './system-error.js';
export { decodeStrictly, packMessage, packRecord, unpackMessage, unpackStrictly } from './wire/codec.js';
export { checkMessagePack } from './wire/msgpack-check.js';
export type { Cursor } from './wire/cursor.js';
export { formatCursor, parseCursor } from './wire/cursor.js';
export { BEARER_SUBPROTOCOL, SUBPROTOCOLS, type Encoding } from './wire/encoding.js';
export type { ErrorCode } from './wire/errors.js';
export { CloseCode, ERROR_CODES, ProtocolError, RECONNECT_AFTER } from './wire/errors.js';
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
} from './wire/event.js';
export { BEGINNING, EVENT_TYPES, REASONS, isKnownEvent, toBusEvent } from './wire/event.js';
export type { Problem } from './records/problem.js';
export { isOfContent, isUnknown, PROBLEMS } from './records/problem.js';
export type { Filter, FilterInput, FilterLimits } from './filter/filter.js';
export { EVERYTHING, FILTER_FIELDS, FILTER_LIMITS, filterKey, readFilter, snakeCase } from './filter/filter.js';
export { GlobError } from './filter/glob-tree.js';
export { isGlob } from './filter/glob-form.js';
export { compileGlob, MAX_GLOBBED_LENGTH, readGlob } from './filter/glob.js';
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
} from './inspection/inspection.js';
export { EXPLAIN_CODES, INSPECTION_TOPICS, readInspection, VERDICTS } from './inspection/inspection.js';
export { parseFilter } from './filter/parse-filter.js';
export type { Kind } from './records/kinds.js';
export { recordKey, type RecordName } from './records/record-name.js';
export { recordIdFault, recordIdFaultText, type RecordIdFault } from './records/record-id.js';
export { KIND_DIRECTORIES, kindFromName, kindIndex, KINDS, LEASE_KINDS } from './records/kinds.js';
export type { Matchable, Matcher, RecordField } from './filter/matcher.js';
export {
  FollowedFields,
  MAX_FOLLOWERS,
  sameFollowed,
  type Followed,
  type FollowerMove,
  type FollowerName,
} from './records/followed-fields.js';
export { compileFilter, filterCost, matchable } from './filter/matcher.js';
export type { ClientMessage, Refusal, ServerMessage, SubscribeOptions, Welcome } from './wire/messages.js';
export type { CompleteReason, ResyncReason, SubscribeMode } from './wire/subscription-terms.js';
export type { WatchHealth, WatchState } from './wire/watch-health.js';
export { MessageType } from './wire/message-type.js';
export { MAX_CONNECTION_NAME_LENGTH, parseConnectionName } from './wire/connection-name.js';
export { readClientMessage } from './wire/messages.js';
export { MAX_EVENTS, RESYNC_REASONS } from './wire/subscription-terms.js';
export { isServerMessage } from './wire/server-message.js';
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
} from './records/record.js';
export type { BookedLease, LeaseChange } from './records/lease-book.js';
export { LeaseBook } from './records/lease-book.js';
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
  RunSituation,
  SwarmRecord,
  Task,
  Wait,
  WaitForm,
} from './swarm/index.js';
export {
  AddressIndex,
  addressTexts,
  conflictForm,
  covers,
  describeIntent,
  endOf,
  HISTORY_AFTER_MS,
  isoDate,
  isHeld,
  isHistory,
  leaseForm,
  leaseNameOf,
  normalBranch,
  overlap,
  parseAddress,
  parseQuery,
  runSituation,
  branchText,
  runText,
  Swarm,
} from './swarm/index.js';
export { isNaive, parseTimestamp } from './records/timestamp.js';
export { DEFAULT_PORT, FEATURES, PROTOCOL_VERSION, VERSION } from './wire/version.js';
export { shellWord } from './shell-word.js';
export { fromVisibleText, isVisible, jsonLine, visibleJson, visibleText } from './visible-text.js';
export {
  explainProblem,
  fieldProblems,
  fieldText,
  leaseTime,
  problemOf,
  recordProblems,
} from './records/record-problem.js';
export type {
  CompiledQuery,
  Query,
  QueryError,
  QueryField,
  QueryOptions,
  QuerySubject,
  QueryTerm,
  Word,
} from './query/index.js';
export { compileQuery, markedQuery, QUERY_FIELD_NAMES, QUERY_FIELDS, splitWords } from './query/index.js';
