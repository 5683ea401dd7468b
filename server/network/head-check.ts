import { refusal } from './refusal.js';
import { withSecurityHeaders } from './security-headers.js';
import { findHeaders, type HttpReply, type RequestHead } from './transport.js';

export const NO_BODY = withSecurityHeaders(refusal(400, 'send no body: neither Content-Length nor Transfer-Encoding'));

/**
 * Whether a request has a body, or may be read as having one. None is ever needed, and where one ends is what engines and
 * proxies disagree about: a second request can be hidden in it.
 */
export function announcesBody(request: RequestHead): boolean {
  return request.headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
}

/**
 * Refuses what the engines read differently, or not as RFC 9112 has it, before anything is believed of the request.
 * @returns why; `undefined` where its head can be read in one way only.
 */
export function refuseDoubtfulHead(request: RequestHead): HttpReply | undefined {
  // What does not read is refused for that, further on.
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  if (announcesBody(request) && (isReading || !hasOneLength(request))) return NO_BODY;
  if (findHeaders(request, 'host').length === 0) return refusal(400, 'send one Host header');
  if (!request.path.startsWith('/')) return refusal(400, 'ask for a path, beginning with /');
  return undefined;
}

/** Whether all who read the request find the same end of its body. */
function hasOneLength(request: RequestHead): boolean {
  const lengths = findHeaders(request, 'content-length');
  const codings = findHeaders(request, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return false;
  return lengths.every((length) => /^\d{1,15}$/.test(length)) && codings.every((coding) => coding === 'chunked');
}
