import { DEFAULT_PORT, FILTER_LIMITS, closestMatch, type FilterLimits } from '../../protocol/index.js';
import type { Log } from '../runtime/log.js';
import { OptionError } from './option-error.js';
import { checkOptionTypes, type OptionKind } from './option-types.js';
import { resolveRelay, type RelayOptions, type ResolvedRelay } from './relay-options.js';
import type { HistoryLimits } from '../store/history.js';
import { hostFault, isLoopback, listenAddress, originFault } from './authority.js';
import type { TlsFiles } from './tls-files.js';

export { OptionError };

/** Bounds on what clients and files may ask for. Shown in `welcome`. */
export interface Limits extends FilterLimits, HistoryLimits {
  /** Subscriptions of one connection. @default 1_000 */
  readonly maxSubscriptions: number;
  /** Steps that the globs of all subscriptions of one connection take together, as for `maxFilterCost`. @default 50_000 */
  readonly maxConnectionFilterCost: number;
  /** Connections at once. @default 20_000 */
  readonly maxConnections: number;
  /**
   * Connections of one address that have not been let in; beyond it the oldest of them is closed. @default 4_096
   */
  readonly maxPendingConnections: number;
  /** Requests of one address that are refused in one second before the answer is 429. @default 100 */
  readonly maxRefusalsPerSecond: number;
  /** Bytes of one message from a client. @default 65_536 */
  readonly maxPayloadBytes: number;
  /** Messages a connection may send in one second. @default 10_000 */
  readonly maxMessagesPerSecond: number;
  /**
   * Bytes of messages of one connection that have come and wait to be heard: the time for hearing is shared, a message a
   * connection in turn. Beyond it the connection is closed. @default 2_097_152
   */
  readonly maxUnheardBytes: number;
  /** Pings and pongs a connection may send in one second. @default 100 */
  readonly maxControlFramesPerSecond: number;
  /** Refused messages after which a connection is closed. @default 1_000 */
  readonly maxBadMessages: number;
  /**
   * Bytes that wait for one socket before its subscriptions leave the hot path. At most so many wait, or one event that is
   * larger; the engine's buffer may reserve twice that, the kernel has its own. Answers to a client that asks and does not
   * read come on top: it is closed before they are 4 MiB. At least 1_024. @default 262_144
   */
  readonly maxQueuedBytes: number;
  /** Bytes of a record's file. @default 262_144 */
  readonly maxRecordBytes: number;
  /** Depth to which a record's data may be nested. @default 32 */
  readonly maxRecordDepth: number;
  /** Records of all kinds together; further files are not taken in until others go. @default 1_000_000 */
  readonly maxRecords: number;
}

export const DEFAULT_LIMITS: Limits = {
  ...FILTER_LIMITS,
  maxHistoryEvents: 100_000,
  maxHistoryBytes: 67_108_864,
  maxSubscriptions: 1_000,
  maxConnectionFilterCost: 50_000,
  maxConnections: 20_000,
  maxPendingConnections: 4_096,
  maxRefusalsPerSecond: 100,
  maxPayloadBytes: 65_536,
  maxMessagesPerSecond: 10_000,
  maxUnheardBytes: 2_097_152,
  maxControlFramesPerSecond: 100,
  maxBadMessages: 1_000,
  maxQueuedBytes: 262_144,
  maxRecordBytes: 262_144,
  maxRecordDepth: 32,
  maxRecords: 1_000_000,
};

/** What the engines, the encoders and recursion bear; all other limits may be as large as one likes. */
const LARGEST: Readonly<Partial<Record<keyof Limits, number>>> = {
  maxPayloadBytes: 67_108_864,
  maxQueuedBytes: 1_073_741_824,
  maxRecordBytes: 67_108_864,
  maxRecordDepth: 500,
  maxIdBytes: 1_024,
  maxGlobLength: 4_096,
  maxGlobWildcards: 64,
};
/** Below it the engines' own marks decide, and every event is a frame of its own. */
const SMALLEST: Readonly<Partial<Record<keyof Limits, number>>> = { maxQueuedBytes: 1_024 };
const LARGEST_OF_ALL = 2 ** 40;

export type BackendChoice = 'auto' | 'native' | 'polling';
export type TransportChoice = 'auto' | 'uws' | 'ws';

export interface ServerOptions {
  /** The repository: the directory that holds `.muse/`. */
  readonly root: string;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** 0 takes any free port. @default 6873 */
  readonly port?: number;
  /** How changes are noticed: the kernel's hints, or looking every so often. @default 'auto' */
  readonly backend?: BackendChoice;
  /** How often the polling backend looks, milliseconds, 10…3 600 000. @default 1_000 */
  readonly pollIntervalMs?: number;
  /** The WebSocket engine. @default 'auto' */
  readonly transport?: TransportChoice;
  /** SHA-256 of further binaries of the native engine that may be loaded, such as an official build's. @default none */
  readonly nativeEngineSha256?: readonly string[];
  /** How long a file may be unreadable before that is announced, milliseconds. @default 200 */
  readonly settleMs?: number;
  /** How often every connection is told that the server is alive, milliseconds. @default 5_000 */
  readonly heartbeatMs?: number;
  /** The shortest pause between two full comparisons with the directories, milliseconds. @default 10_000 */
  readonly reconcileMs?: number;
  /**
   * How long a repository that has gone from its path, or has been replaced, is waited for before the server ends,
   * milliseconds. @default 60_000
   */
  readonly goneAfterMs?: number;
  /** A connection that is silent for longer is pinged, then closed; 8…960 seconds, in milliseconds. @default 120_000 */
  readonly idleTimeoutMs?: number;
  /**
   * Where private state is kept, in `muse-bus/` in it. @default `MUSE_BUS_STATE_DIR`, or the platform's directory for the state
   * of programs: `$XDG_STATE_HOME`, `~/.local/state`
   */
  readonly stateDir?: string | undefined;
  /** Keeps index and history among the private state, so that a restart loses nothing. @default true */
  readonly journal?: boolean;
  /** Events that the journal keeps at most. @default 100_000 */
  readonly journalMaxEvents?: number;
  /** How long the journal keeps an event, milliseconds. @default 604_800_000, a week */
  readonly journalMaxAgeMs?: number;
  /** Bytes that the journal's history holds at most; the index comes on top. @default 134_217_728 */
  readonly journalMaxBytes?: number;
  /** Origins of pages that may connect beside our own, each exactly `scheme://host[:port]`. @default none */
  readonly allowOrigins?: readonly string[];
  /** Names by which the server may be called beside this machine's own for itself, with a port or without. @default none */
  readonly allowHosts?: readonly string[];
  /** A certificate in PEM, and its key: `wss` and `https` instead of `ws` and `http`. @default none */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** Whether to listen beyond this machine without TLS: the token and all records then cross the network in the clear. @default false */
  readonly insecure?: boolean;
  /** Publishes what happens to NATS JetStream, from where edges serve it. @default none */
  readonly relay?: RelayOptions | undefined;
  readonly limits?: Partial<Limits>;
  /** @default silent */
  readonly log?: Log;
}

/** Options with nothing left open. */
export type ResolvedOptions = Required<
  Omit<ServerOptions, 'limits' | 'log' | 'tlsCertFile' | 'tlsKeyFile' | 'relay' | 'stateDir'>
> & {
  /** `undefined`: the platform's own. */
  readonly stateDir: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly relay: ResolvedRelay | undefined;
  readonly limits: Limits;
};

export const SERVER_OPTIONS: Readonly<Record<keyof ServerOptions, OptionKind>> = {
  root: 'text',
  host: 'text',
  port: 'number',
  backend: ['auto', 'native', 'polling'],
  pollIntervalMs: 'number',
  transport: ['auto', 'uws', 'ws'],
  nativeEngineSha256: 'texts',
  settleMs: 'number',
  heartbeatMs: 'number',
  reconcileMs: 'number',
  goneAfterMs: 'number',
  idleTimeoutMs: 'number',
  stateDir: 'text',
  journal: 'flag',
  journalMaxEvents: 'number',
  journalMaxAgeMs: 'number',
  journalMaxBytes: 'number',
  allowOrigins: 'texts',
  allowHosts: 'texts',
  tlsCertFile: 'text',
  tlsKeyFile: 'text',
  insecure: 'flag',
  relay: 'object',
  limits: 'object',
  log: 'object',
};

/** @throws OptionError */
export function resolveOptions(options: ServerOptions): ResolvedOptions {
  checkOptionTypes('a server', options, SERVER_OPTIONS);
  const tls = tlsFiles(options);
  return {
    root: options.root,
    stateDir: options.stateDir,
    host: reachable(options, tls),
    tls,
    relay: options.relay && resolveRelay(options.relay, options.heartbeatMs ?? 5_000),
    insecure: options.insecure ?? false,
    allowOrigins: each('allowOrigins', options.allowOrigins ?? [], originFault),
    allowHosts: each('allowHosts', options.allowHosts ?? [], hostFault),
    port: inRange('port', options.port ?? DEFAULT_PORT, 0, 65_535),
    backend: options.backend ?? 'auto',
    pollIntervalMs: inRange('pollIntervalMs', options.pollIntervalMs ?? 1_000, 10, 3_600_000),
    transport: options.transport ?? 'auto',
    nativeEngineSha256: hashes(options.nativeEngineSha256 ?? []),
    settleMs: inRange('settleMs', options.settleMs ?? 200, 0, 60_000),
    heartbeatMs: inRange('heartbeatMs', options.heartbeatMs ?? 5_000, 10, 3_600_000),
    reconcileMs: inRange('reconcileMs', options.reconcileMs ?? 10_000, 10, 86_400_000),
    goneAfterMs: inRange('goneAfterMs', options.goneAfterMs ?? 60_000, 0, 86_400_000),
    // The native engine ends the process over an idle timeout outside its range.
    idleTimeoutMs: inRange('idleTimeoutMs', options.idleTimeoutMs ?? 120_000, 8_000, 960_000),
    journal: options.journal ?? true,
    journalMaxEvents: inRange('journalMaxEvents', options.journalMaxEvents ?? 100_000, 1, 2 ** 32),
    journalMaxAgeMs: inRange('journalMaxAgeMs', options.journalMaxAgeMs ?? 604_800_000, 1_000, 2 ** 40),
    journalMaxBytes: inRange('journalMaxBytes', options.journalMaxBytes ?? 134_217_728, 65_536, 2 ** 40),
    limits: resolveLimits(options.limits ?? {}),
  };
}

function tlsFiles({ tlsCertFile: certFile, tlsKeyFile: keyFile }: ServerOptions): TlsFiles | undefined {
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === undefined && keyFile === undefined) return undefined;
  throw new OptionError('tlsCertFile and tlsKeyFile must be given together');
}

/** The address to listen on. Beyond this machine the token must not travel in the clear, unless the operator says so. */
function reachable({ host: given = '127.0.0.1', insecure }: ServerOptions, tls: TlsFiles | undefined): string {
  const host = listenAddress(given);
  if (isLoopback(host) || tls !== undefined || insecure === true) return host;
  throw new OptionError(
    `host ${given} can be reached from other machines: give tlsCertFile and tlsKeyFile (--tls-cert, --tls-key), ` +
      'or insecure (--insecure) to send the token and all records in the clear',
  );
}

function each(name: string, values: readonly string[], fault: (value: string) => string | undefined): string[] {
  return values.map((value) => {
    const why = fault(value);
    if (why !== undefined) throw new OptionError(`${name}: ${JSON.stringify(value)} ${why}`);
    return value.toLowerCase();
  });
}

function hashes(given: readonly string[]): readonly string[] {
  return given.map((hash) => {
    if (/^[0-9a-f]{64}$/i.test(hash)) return hash.toLowerCase();
    throw new OptionError(
      `nativeEngineSha256 must hold SHA-256s in 64 hexadecimal digits, got ${JSON.stringify(hash)}`,
    );
  });
}

function resolveLimits(limits: Partial<Limits>): Limits {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => (value as unknown) !== undefined));
  const resolved = { ...DEFAULT_LIMITS, ...given };
  const names = Object.keys(DEFAULT_LIMITS);
  for (const [name, value] of Object.entries(resolved) as [keyof Limits, number][]) {
    if (!names.includes(name)) throw new OptionError(`there is no limit ${name}${hint(closestMatch(name, names))}`);
    inRange(`limits.${name}`, value, SMALLEST[name] ?? 1, LARGEST[name] ?? LARGEST_OF_ALL);
  }
  return resolved;
}

const hint = (best: string | undefined): string => (best === undefined ? '' : `; did you mean ${best}?`);

function inRange(name: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new OptionError(`${name} must be an integer from ${String(low)} to ${String(high)}, got ${String(value)}`);
}
