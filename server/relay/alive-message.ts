import type { WatchHealth } from '../../protocol/index.js';

/** The origin's heartbeat to edges. It is sent over core NATS, which does not store it. */
export interface AliveMessage {
  readonly origin: string;
  readonly epoch: string;
  readonly revision: number;
  /** The origin's wall clock, Unix milliseconds. */
  readonly now: number;
  /** The interval of these heartbeats, milliseconds. */
  readonly alive_ms: number;
  readonly health: WatchHealth;
  /** Counts the heartbeats and answers of this process, from 1, so that one that is sent again is known. Missing before 1.1. */
  readonly beat?: number;
  /** The monotonic clock of the origin's process when it was sent, milliseconds. Missing before 1.1. */
  readonly up?: number;
}

/** What an origin that lives and publishes nothing sends in place of its heartbeat. No edge takes it for one. */
export interface SilentMessage {
  readonly origin: string;
  /** Why nothing is published, without addresses and paths. */
  readonly silent: string;
}

/** The latest time that a `Date` can represent, Unix milliseconds. */
const LAST_TIME_MS = 8.64e15;
const MAX_ALIVE_MS = 86_400_000;
const MAX_WHY_CHARACTERS = 200;

/**
 * Reads a message from NATS as a heartbeat.
 * @returns `undefined` if it is none: any client that may publish to NATS can send anything.
 */
export function readAlive(value: unknown): AliveMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const alive = value as Partial<Record<keyof AliveMessage, unknown>>;
  const isAlive =
    typeof alive.origin === 'string' &&
    typeof alive.epoch === 'string' &&
    isCount(alive.revision, Number.MAX_SAFE_INTEGER) &&
    isCount(alive.now, LAST_TIME_MS) &&
    isCount(alive.alive_ms, MAX_ALIVE_MS) &&
    isHealth(alive.health) &&
    (alive.beat === undefined || isCount(alive.beat, Number.MAX_SAFE_INTEGER)) &&
    (alive.up === undefined || isCount(alive.up, Number.MAX_SAFE_INTEGER));
  return isAlive ? (value as AliveMessage) : undefined;
}

/** @returns why an origin publishes nothing; `undefined` if the message does not say that. */
export function readSilent(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { origin, silent } = value as Partial<Record<keyof SilentMessage, unknown>>;
  return typeof origin === 'string' && typeof silent === 'string' ? silent.slice(0, MAX_WHY_CHARACTERS) : undefined;
}

function isHealth(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { backend, healthy, last_scan_ms } = value as Partial<Record<keyof WatchHealth, unknown>>;
  return typeof backend === 'string' && typeof healthy === 'boolean' && isCount(last_scan_ms, LAST_TIME_MS);
}

const isCount = (value: unknown, most: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
