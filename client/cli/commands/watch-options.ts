import { parseCursor, type Query } from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';
import { readFilter, type FilterFlags } from './filter-flags.js';
import { readFormat, type FormatFlags, type PrintFlags } from '../terminal/output-format.js';
import { readQueryFlag, type QueryFlags } from './query-flag.js';
import { readTime, type TimeFlags, type TimeStyle } from '../terminal/time-text.js';
import { readCap, readDuration, readNumber } from './read-flag.js';
import { readTarget, type Target, type TargetFlags } from './target.js';

/** The flags of `watch` as they were given. */
export interface WatchFlags extends FilterFlags, FormatFlags, PrintFlags, QueryFlags, TargetFlags, TimeFlags {
  readonly timestamps?: boolean;
  readonly once?: boolean;
  readonly timeout?: string;
  readonly idleTimeout?: string;
  readonly maxEvents?: string;
  readonly pollInterval?: string;
  readonly since?: string;
  /** `false` with `--no-snapshot`. */
  readonly snapshot?: boolean;
}

/** The checked flags. */
export interface WatchOptions {
  readonly target: Target;
  readonly filter: ReturnType<typeof readFilter>;
  readonly format: 'text' | 'json';
  readonly once: boolean;
  readonly timeoutMs: number | undefined;
  /** End after this long without an event. */
  readonly idleTimeoutMs: number | undefined;
  readonly maxEvents: number | undefined;
  readonly pollIntervalMs: number;
  /** Resume after this cursor. */
  readonly since: string | undefined;
  readonly snapshot: 'full' | 'none';
  readonly query: Query | undefined;
  /** Whether and how each event's time is printed before it. */
  readonly timestamps: TimeStyle | undefined;
  /** How the times in events are printed. */
  readonly time: TimeStyle | undefined;
  readonly quiet: boolean;
}

const MIN_POLL_INTERVAL_S = 0.01;
const MAX_POLL_INTERVAL_S = 3_600;

/** @throws CliError for an invalid value, with the message of `muse coord watch` where that has the flag. */
export function readWatchFlags(flags: WatchFlags): WatchOptions {
  const format = readFormat(flags, 'text');
  const filter = readFilter(flags);
  const pollInterval = readNumber('--poll-interval', flags.pollInterval ?? '1');
  if (!(pollInterval >= MIN_POLL_INTERVAL_S && pollInterval <= MAX_POLL_INTERVAL_S)) {
    throw new CliError(`--poll-interval must be in [0.01, 3600.0], got ${asFloat(pollInterval)}`);
  }
  const time = readTime(flags);
  const timeoutMs = readDuration('--timeout', flags.timeout, asFloat);
  return {
    target: readTarget(flags),
    filter,
    format,
    // A timeout of 0 prints only the snapshot.
    once: flags.once === true || timeoutMs === 0,
    timeoutMs: timeoutMs === 0 ? undefined : timeoutMs,
    idleTimeoutMs: readDuration('--idle-timeout', flags.idleTimeout),
    maxEvents: readCap('--max-events', flags.maxEvents),
    pollIntervalMs: Math.round(pollInterval * 1_000),
    since: readSince(flags.since),
    snapshot: flags.snapshot === false ? 'none' : 'full',
    query: readQueryFlag(flags.query, 'watch'),
    timestamps: flags.timestamps === true ? (time ?? 'utc') : undefined,
    time,
    quiet: flags.quiet === true,
  };
}

/** Formats a number as `muse coord watch` prints it in its errors. */
const asFloat = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

function readSince(text: string | undefined): string | undefined {
  if (text === undefined || parseCursor(text)) return text;
  throw new CliError(`--since must be a cursor, EPOCH:REVISION, got ${text}`, 'bad_args', 'each event has a cursor');
}
