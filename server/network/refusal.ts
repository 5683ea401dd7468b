import { STATUS_CODES } from 'node:http';
import type { HttpReply } from './transport.js';

/** An answer whose body is one line with the reason. */
export function refusal(status: number, why: string, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${why}\n` };
}

export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown';
}
