import { CloseCode } from '../../protocol/index.js';
import { reasonOf } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { BusStatus } from './status.js';

/** The error for a connection that ended with a WebSocket close code and reason. */
export function closeError(code: number, reason: string): BusError {
  const text = `the connection ended with ${String(code)}${reason === '' ? '' : ` (${reason})`}`;
  switch (code) {
    case CloseCode.unauthorized:
      return new BusError('unauthorized', text, 'read the token from .muse/bus/endpoint.json again');
    case 1002:
    case 1003:
      return new BusError('protocol', text, 'update the client or the server');
    case CloseCode.tooMany:
    case 1009:
      return new BusError('limit', text, 'send less, or raise the limit on the server');
    default:
      return new BusError('unreachable', text, 'is the server running? start it with muse-bus serve');
  }
}

/** The error of a message that is longer than the server takes. */
export const tooLong = (most: number): BusError =>
  new BusError('limit', `the message has more than ${String(most)} bytes (max_payload_bytes)`, 'ask for less');

/** The error of every call to a client that its user has closed. */
export const userClosed = (cause: unknown): BusError =>
  new BusError('closed', 'the client was closed', 'connect again', cause === undefined ? {} : { cause });

/** The error for an attempt to connect that could not begin. */
export function couldNotDial(error: unknown): BusError {
  if (error instanceof BusError) return error;
  const text = `no connection could be begun: ${error instanceof Error ? error.message : String(error)}`;
  return new BusError('bad-option', text, 'is the url right?', { cause: error });
}

/** The reason without what it asks the client to do: `shutdown`. */
export const causeIn = (reason: string): string => reason.replace(RETRY, '').trim();

const RETRY = /\bretry=(\d{1,6})\b/;

/** How long the server asks the client to wait before it reconnects, milliseconds; 0 if the reason has no `retry=`. */
export function suggestedDelayMs(reason: string): number {
  return Number(RETRY.exec(reason)?.[1] ?? 0);
}

/** Why a mirror ended whose subscription ended without an error: its client was closed, or its signal aborted. */
export function whyOver(status: BusStatus, signal: AbortSignal | undefined): BusError {
  if (status.state === 'closed' && status.error) return status.error;
  const cause: unknown = signal?.aborted ? reasonOf(signal) : undefined;
  return new BusError('closed', 'the mirror was closed', 'open another', { cause });
}
