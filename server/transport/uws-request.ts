import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { reasonPhrase } from './reason-phrase.js';
import type { HttpReply, RequestHead } from './transport.js';

/** The engine's request, whole: it is gone when the handler returns. */
export function headOf(response: HttpResponse, request: HttpRequest): RequestHead {
  const headers: [string, string][] = [];
  request.forEach((name, value) => {
    headers.push([name, value]);
  });
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery(),
    headers,
    remoteAddress: addressOf(response),
  };
}

export const addressOf = (response: HttpResponse): string => Buffer.from(response.getRemoteAddressAsText()).toString();

export function reply(response: HttpResponse, method: string, { status, headers, body }: HttpReply): void {
  response.cork(() => {
    response.writeStatus(`${String(status)} ${reasonPhrase(status)}`);
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    if (method !== 'HEAD' && status !== 204) {
      response.end(body, headers['connection'] === 'close');
      return;
    }
    // Given any argument, even undefined, the engine waits for a body of that length, and ends the process as none comes.
    if (method === 'HEAD') response.writeHeader('content-length', String(Buffer.byteLength(body)));
    response.endWithoutBody();
  });
}
