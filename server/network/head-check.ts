import { isReading, text } from './reply.js';
import { withSecurityHeaders } from './security-headers.js';
import { findHeaders, type HttpReply, type RequestHead } from './transport.js';

export const NO_BODY = withSecurityHeaders(text(400, 'send no body: neither Content-Length nor Transfer-Encoding'));

/**
 * Whether a request has a body, or may be read as having one. This server needs none. Engines and proxies disagree about where a body
 * ends, so a second request can be hidden in it.
 */
export function announcesBody(request: RequestHead): boolean {
  return request.headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
}

/**
 * Refuses a request whose head the engines read differently, or not as RFC 9112 says. Called before any other check.
 * @returns the refusal; `undefined` if the head can be read in one way only.
 */
export function refuseDoubtfulHead(request: RequestHead): HttpReply | undefined {
  // Other methods are refused later, with 405.
  if (announcesBody(request) && (isReading(request) || !hasOneLength(request))) return NO_BODY;
  if (findHeaders(request, 'host').length === 0) return text(400, 'send one Host header');
  if (!request.path.startsWith('/')) return text(400, 'the request target must be a path that begins with /');
  return undefined;
}

/** Whether every HTTP parser finds the same end of the request's body. */
function hasOneLength(request: RequestHead): boolean {
  const lengths = findHeaders(request, 'content-length');
  const codings = findHeaders(request, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return false;
  return lengths.every((length) => /^\d{1,15}$/.test(length)) && codings.every((coding) => coding === 'chunked');
}
