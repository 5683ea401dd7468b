import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { reasonPhrase } from '../reply.js';
import type { HttpReply, HttpStream, RequestHead } from '../transport.js';

/** Copies the head of the engine's request, which is not valid after the handler has returned. */
export function headOf(request: HttpRequest, remoteAddress: string): RequestHead {
  const headers: [string, string][] = [];
  request.forEach((name, value) => {
    headers.push([name, value]);
  });
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    // There is none after a bare `?`.
    query: request.getQuery() || '',
    headers,
    remoteAddress,
  };
}

export const addressOf = (response: HttpResponse): string => Buffer.from(response.getRemoteAddressAsText()).toString();

/** Writes the status and headers of an answer, except `connection`. */
export function writeHead(response: HttpResponse, { status, headers }: HttpReply | HttpStream): void {
  response.writeStatus(`${String(status)} ${reasonPhrase(status)}`);
  for (const [name, value] of Object.entries(headers)) {
    // The code that ends the answer writes this header.
    if (name !== 'connection') response.writeHeader(name, value);
  }
}

/**
 * Answers a request whose connection is not known. For the engine the request stays unanswered, so the abort handler stays attached, and
 * the {@link UwsConnection} closes the connection at its timeout.
 */
export function writeWhole(response: HttpResponse, answer: HttpReply): void {
  response.cork(() => {
    writeHead(response, answer);
    response.writeHeader('connection', 'close');
    const length = String(Buffer.byteLength(answer.body));
    // The engine writes a header's value unchanged. So this last value also carries the end of the head, and the body.
    response.writeHeader('content-length', `${length}\r\n\r\n${String(answer.body)}`);
  });
}
