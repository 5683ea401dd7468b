import type { WatchHealth } from '../protocol/index.js';
import type { JournalHealth } from './journal/journal.js';
import { UNAUTHORIZED, type Door } from './transport/door.js';
import type { HttpReply, RequestHead } from './transport/transport.js';

/** What the HTTP surface shows. */
export interface HttpServices {
  readonly door: Door;
  /** The inspector's files by path; need no token. */
  readonly pages: ReadonlyMap<string, Page>;
  health(): WatchHealth & { readonly revision: number; readonly journal: JournalHealth };
  isReady(): boolean;
}

export interface Page {
  readonly type: string;
  readonly body: string | Uint8Array;
}

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

type Route = (services: HttpServices) => HttpReply;

/** What needs no token; everything else does. */
const OPEN_ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/healthz', () => json(200, { status: 'ok' })],
  [
    '/readyz',
    ({ health, isReady }) => {
      const ready = isReady();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...health() });
    },
  ],
]);

/** Answers a request that is no WebSocket. */
export function answer(request: RequestHead, services: HttpServices): HttpReply {
  return secured(services.door.refuseStranger(request) ?? route(request, services));
}

function route(request: RequestHead, services: HttpServices): HttpReply {
  const open = OPEN_ROUTES.get(request.path);
  const page = services.pages.get(request.path);
  if (open || page) {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
    if (open) return open(services);
    if (page) return { status: 200, headers: { 'content-type': page.type }, body: page.body };
  }
  if (!services.door.hasToken(request)) return UNAUTHORIZED;
  return text(404, `nothing at this path; there are ${[...services.pages.keys(), ...OPEN_ROUTES.keys()].join(', ')}`);
}

function secured(reply: HttpReply): HttpReply {
  return { ...reply, headers: { ...SECURITY_HEADERS, ...reply.headers } };
}

function json(status: number, value: unknown): HttpReply {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}

function text(status: number, line: string, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${line}\n` };
}
