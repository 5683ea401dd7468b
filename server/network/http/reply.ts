import { jsonLine, visibleText } from '../../../protocol/index.js';
import type { HttpReply } from '../transport.js';

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
