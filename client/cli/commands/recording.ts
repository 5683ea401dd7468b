import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { EVENT_TYPES, KINDS, type BusEvent } from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';
import { fileError } from '../file-error.js';

/** An event of a recording, and when it is due, in time since the beginning of the recording. */
export interface DueEvent {
  readonly event: BusEvent;
  /** The line as it was recorded. */
  readonly line: string;
  readonly dueMs: number;
}

/** Opens a recording and closes it again, before anything is begun for it. @throws CliError for a file that cannot be read */
export function checkReadable(path: string): void {
  if (path === '-') return;
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, Buffer.alloc(1));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError('read', path, error);
  }
}

/**
 * Reads the output of `record` or `watch --json`. Snapshot events are due at once. A change is due as long after the first
 * change as it was recorded, and never before the previous one.
 * @throws CliError for a file that cannot be read, and for a line that is not an event, with its number.
 */
export async function* readRecording(path: string): AsyncGenerator<DueEvent, void, undefined> {
  const input = path === '-' ? process.stdin : createReadStream(path);
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  let start: number | undefined;
  let dueMs = 0;
  try {
    for await (const line of lines) {
      number++;
      const event = line.trim() === '' ? undefined : readEvent(line, `${path}, line ${String(number)}`);
      if (event === undefined) continue;
      if (event.event_type !== 'snapshot') {
        const time = Date.parse(event.timestamp);
        start ??= time;
        dueMs = Math.max(dueMs, time - start);
      }
      yield { event, line, dueMs };
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError('read', path, error);
  } finally {
    lines.close();
  }
}

/** @returns `undefined` for a line about the connection. */
function readEvent(line: string, where: string): BusEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new CliError(
      `${where}: not JSON`,
      'bad_recording',
      'an incomplete recording may end in the middle of a line',
    );
  }
  if (isEvent(value)) return value;
  if (typeof value === 'object' && value !== null && 'status' in value) return undefined;
  throw new CliError(`${where}: not an event`, 'bad_recording', 'muse-bus record and watch --json write recordings');
}

function isEvent(value: unknown): value is BusEvent {
  const { event_type, kind, id, timestamp, data } = (value ?? {}) as Partial<Record<keyof BusEvent, unknown>>;
  return (
    EVENT_TYPES.some((type) => type === event_type) &&
    KINDS.some((known) => known === kind) &&
    typeof id === 'string' &&
    Number.isFinite(Date.parse(String(timestamp))) &&
    typeof data === 'object' &&
    data !== null
  );
}
