import { FILTER_LIMITS, KINDS, kindFromName, type FilterInput, type Kind } from '../../protocol/index.js';
import { Failure } from './failure.js';

/** The flags of `watch` as they were written. */
export interface WatchFlags {
  readonly once?: boolean;
  readonly timeout?: string;
  readonly maxEvents?: string;
  readonly pollInterval?: string;
  readonly runId?: string;
  readonly branch?: string;
  readonly kind?: string;
  readonly json?: boolean;
  readonly format?: string;
  readonly root?: string;
  readonly url?: string;
  readonly token?: string;
}

/** The flags with nothing left to check. */
export interface WatchOptions {
  readonly once: boolean;
  readonly timeoutMs: number | undefined;
  readonly maxEvents: number | undefined;
  readonly pollIntervalMs: number;
  readonly filter: FilterInput & { readonly kinds?: readonly Kind[] };
  readonly json: boolean;
  readonly root: string;
  readonly server: { readonly url: string; readonly token: string | undefined } | undefined;
}

const MIN_POLL_INTERVAL_S = 0.01;
const MAX_POLL_INTERVAL_S = 3_600;

/** Whether the caller reads JSON, known before anything else is. */
export function wantsJson(flags: Pick<WatchFlags, 'json' | 'format'>): boolean {
  return flags.json === true || flags.format === 'json';
}

/** @throws Failure for a value outside its range, in the words of the original. */
export function readWatchFlags(flags: WatchFlags): WatchOptions {
  const { runId, branch, kind, format } = flags;
  if (format !== undefined && format !== 'text' && format !== 'json') {
    throw new Failure(`--format must be text or json, got ${format}`);
  }
  const longest = FILTER_LIMITS.maxValueLength;
  if (runId !== undefined && runId.length > longest) {
    throw new Failure(`--run-id is too long (${String(runId.length)} chars; max ${String(longest)})`);
  }
  const pollInterval = readNumber('--poll-interval', flags.pollInterval ?? '1');
  if (!(pollInterval >= MIN_POLL_INTERVAL_S && pollInterval <= MAX_POLL_INTERVAL_S)) {
    throw new Failure(`--poll-interval must be in [0.01, 3600.0], got ${asFloat(pollInterval)}`);
  }
  const timeout = flags.timeout === undefined ? undefined : readNumber('--timeout', flags.timeout);
  if (timeout !== undefined && timeout < 0) throw new Failure(`--timeout must be >= 0, got ${asFloat(timeout)}`);
  return {
    // A timeout of nothing is the snapshot alone.
    once: flags.once === true || timeout === 0,
    timeoutMs: timeout === undefined || timeout === 0 ? undefined : timeout * 1_000,
    maxEvents: readMaxEvents(flags.maxEvents),
    pollIntervalMs: Math.round(pollInterval * 1_000),
    filter: {
      ...(kind === undefined ? {} : { kinds: [readKind(kind)] }),
      ...(runId === undefined ? {} : { run_ids: [runId] }),
      ...(branch === undefined ? {} : { branches: [branch] }),
    },
    json: wantsJson(flags),
    root: flags.root ?? process.cwd(),
    server: flags.url === undefined ? undefined : { url: flags.url, token: flags.token },
  };
}

function readMaxEvents(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = readNumber('--max-events', text);
  if (!Number.isInteger(value)) throw new Failure(`--max-events must be a whole number, got ${text}`);
  if (value < 1) throw new Failure(`--max-events must be >= 1, got ${String(value)}`);
  if (value >= 2 ** 31) throw new Failure(`--max-events must be < 2^31, got ${String(value)}`);
  return value;
}

function readKind(name: string): Kind {
  const kind = kindFromName(name);
  if (kind === undefined) throw new Failure(`--kind must be one of ${KINDS.join(', ')}, got ${name}`);
  return kind;
}

function readNumber(flag: string, text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new Failure(`${flag} must be a number, got ${text}`);
  return value;
}

/** As the original prints its floats. */
const asFloat = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));
