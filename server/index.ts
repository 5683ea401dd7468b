/** Runs a bus in your own process: `await new BusServer({ root }).start()`. */
export { BusServer } from './bus-server.js';
export type { RecordProblem } from './bus.js';
export { Bus } from './bus.js';
export type { Clock } from './runtime/clock.js';
export { systemClock } from './runtime/clock.js';
export {
  diagnoseEngine,
  diagnoseParts,
  diagnoseWatching,
  type EngineDiagnosis,
  type PartsDiagnosis,
  type WatchDiagnosis,
} from './diagnosis.js';
export type { JournalHealth } from './journal/journal.js';
export type { Log } from './runtime/log.js';
export { MemoryBus, type MemoryBusOptions } from './memory-bus.js';
export { silentLog } from './runtime/log.js';
export type { BackendChoice, Limits, ResolvedOptions, ServerOptions, TransportChoice } from './config/options.js';
export { DEFAULT_OPTIONS } from './config/default-options.js';
export { DEFAULT_LIMITS, OptionError, resolveOptions } from './config/options.js';
export { EdgeServer } from './edge-server.js';
export type { EdgeOptions, EdgeRepository } from './config/edge-options.js';
// From a file without NATS, so that a program that imports this entry compiles without the types of the NATS clients.
export { RelayTakenError } from './relay/relay-taken-error.js';
export {
  DEFAULT_REPOSITORY as DEFAULT_RELAY_REPOSITORY,
  DEFAULT_STREAM_LIMITS,
  type RelayOptions,
  type StreamLimits,
} from './config/relay-options.js';
export type { RelayStatus } from './inspection/served-bus.js';
export {
  deafFileSystem,
  LockError,
  PrivateDirectory,
  renewToken,
  TrustError,
  type Endpoint,
} from './repository/index.js';
export { Supervisor } from './runtime/supervisor.js';
export type { SendResult, Socket } from './delivery/port.js';
export type { Connection } from './sessions/connection.js';
export { CoordinationDirError } from './watch/coordination-dir.js';
export { RepositoryGoneError } from './watch/watch-state.js';
