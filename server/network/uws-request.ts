import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { RequestHead } from './transport.js';

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
