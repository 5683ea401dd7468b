import type { HttpAnswer } from './transport.js';

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** Adds the security headers, which every answer carries, refusals and errors too. The answer's own headers take precedence. */
export function withSecurityHeaders<T extends HttpAnswer>(reply: T): T {
  return { ...reply, headers: { ...SECURITY_HEADERS, ...reply.headers } };
}
