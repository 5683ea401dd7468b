import { refusal } from './refusal.js';
import { findHeaders, type HttpReply, type RequestHead } from './transport.js';

const LENGTH = /^\d{1,15}$/;

/**
 * What the engines read differently, or not as RFC 9112 has it, is refused before anything is believed of the request. Where
 * its body ends may then not be known: so the connection closes after the answer, as it does after every answer.
 * @returns why the request is refused; `undefined` where its head can be read in one way only.
 */
export function refuseDoubtfulHead(request: RequestHead): HttpReply | undefined {
  if (findHeaders(request, 'host').length === 0) return refusal(400, 'send one Host header');
  if (!request.path.startsWith('/')) return refusal(400, 'ask for a path, beginning with /');
  const lengths = findHeaders(request, 'content-length');
  const codings = findHeaders(request, 'transfer-encoding');
  if (lengths.length > 1 || lengths.some((length) => !LENGTH.test(length))) {
    return refusal(400, 'send one Content-Length at most, a whole number');
  }
  if (codings.length > 1 || codings.some((coding) => coding.toLowerCase() !== 'chunked')) {
    return refusal(400, 'send no Transfer-Encoding but chunked');
  }
  if (codings.length > 0 && lengths.length > 0) {
    return refusal(400, 'send Content-Length or Transfer-Encoding, not both');
  }
  return undefined;
}
