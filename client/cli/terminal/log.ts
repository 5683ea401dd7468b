import { pino } from 'pino';
import pretty from 'pino-pretty';
import { visibleJson, visibleText } from '../../../protocol/index.js';
import type { Log } from '../../../server/index.js';

/** Receives one line of JSON with its line break, as pino writes it. */
interface LineWriter {
  write(line: string): void;
}

/** Logs on stderr: lines for people on a terminal, otherwise JSON. Both escape control sequences. */
export function makeLog(level: string): Log {
  return pino({ level }, process.stderr.isTTY ? linesForPeople() : linesForPrograms());
}

/** What is kept of the log while it cannot be written; further lines are dropped. */
const MAX_UNWRITTEN_CHARACTERS = 1_048_576;

function linesForPrograms(): LineWriter {
  const stderr = pino.destination({ fd: 2, sync: true, maxLength: MAX_UNWRITTEN_CHARACTERS });
  // The disk of a log may be full. The bus goes on, and the lines are written once there is room.
  stderr.on('error', () => undefined);
  return { write: (line) => void stderr.write(`${visibleJson(line.trimEnd())}\n`) };
}

function linesForPeople(): LineWriter {
  const toStderr = pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => void toStderr.write(`${visibleLogLine(line)}\n`) };
}

/** A log line whose texts are escaped, so that they can be printed. The frames of a stack keep their own lines. */
export function visibleLogLine(line: string): string {
  return JSON.stringify(visibleValue(JSON.parse(line)));
}

function visibleValue(value: unknown): unknown {
  if (typeof value === 'string') return visibleText(value);
  if (Array.isArray(value)) return value.map(visibleValue);
  if (typeof value !== 'object' || value === null) return value;
  const { message, stack } = value as { readonly message?: unknown; readonly stack?: unknown };
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => [
      visibleText(name),
      inner === stack && typeof stack === 'string' ? visibleStack(stack, message) : visibleValue(inner),
    ]),
  );
}

/** Line breaks in the message are data and are escaped; those after it belong to the stack. */
function visibleStack(stack: string, message: unknown): string {
  const at = typeof message === 'string' ? stack.indexOf(message) : -1;
  if (at === -1) return visibleText(stack);
  const end = at + (message as string).length;
  return visibleText(stack.slice(0, end)) + stack.slice(end).split('\n').map(visibleText).join('\n');
}
