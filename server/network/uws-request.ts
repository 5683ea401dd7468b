import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { RequestHead } from './transport.js';

/** The engine's request, whole: it is gone when the handler returns. */
export function headOf(request: HttpRequest, remoteAddress: string): RequestHead {
  const headers: [string, string][] = [];
  request.forEach((name, value) => {
    headers.push([name, value]);
  });
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery(),
    headers,
    remoteAddress,
  };
}

export const addressOf = (response: HttpResponse): string => Buffer.from(response.getRemoteAddressAsText()).toString();
