import { STATUS_CODES } from 'node:http';
import { jsonLine, visibleText } from '../../protocol/index.js';
import type { HttpReply, RequestHead } from './transport.js';

type Headers = Readonly<Record<string, string>>;

export function json(status: number, value: object, headers: Headers = {}): HttpReply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: `${jsonLine(value)}\n` };
}

/** A reply of one line for a person, or of several. Every refusal and error is one. @param more lines that are visible text already */
export function text(status: number, line: string, headers: Headers = {}, more: readonly string[] = []): HttpReply {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
    body: [visibleText(line), ...more, ''].join('\n'),
  };
}

/** Whether a request changes nothing by its method. */
export const isReading = ({ method }: Pick<RequestHead, 'method'>): boolean => method === 'GET' || method === 'HEAD';

/** The answer to a request that is not {@link isReading}. */
export const NOT_READING = text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });

export const reasonPhrase = (status: number): string => STATUS_CODES[status] ?? 'Unknown';
