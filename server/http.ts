import type { WatchHealth } from '../protocol/index.js';
import type { JournalHealth } from './journal/journal.js';
import { secured } from './transport/secured.js';
import { isHandshake, refusal, UNAUTHORIZED, type Door } from './transport/door.js';
import { findHeaders, type HttpReply, type RequestHead } from './transport/transport.js';

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
  const { door } = services;
  const reply =
    door.refuseStranger(request) ?? badHandshake(request, door) ?? preflight(request, door) ?? route(request, services);
  return secured(withNamedOrigin(reply, request, door));
}

/** A handshake that an engine takes for a plain request has something amiss. */
function badHandshake(request: RequestHead, door: Door): HttpReply | undefined {
  if (!isHandshake(request)) return undefined;
  const upgrade = door.upgrade(request);
  return upgrade.accept ? refusal(400, 'this is no WebSocket handshake') : upgrade.reply;
}

/** A browser's question, without a token, whether a page of another origin may ask. */
function preflight(request: RequestHead, door: Door): HttpReply | undefined {
  const asked = findHeaders(request, 'access-control-request-method').length > 0;
  if (request.method !== 'OPTIONS' || !asked || door.namedOrigin(request) === undefined) return undefined;
  const headers = {
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': 'authorization, last-event-id',
    'access-control-allow-private-network': 'true',
    'access-control-max-age': '600',
  };
  return { status: 204, headers, body: '' };
}

/** Only pages that the operator has named may read an answer from another origin. */
function withNamedOrigin(reply: HttpReply, request: RequestHead, door: Door): HttpReply {
  const origin = door.namedOrigin(request);
  if (origin === undefined) return reply;
  const headers = {
    'access-control-allow-origin': origin,
    'cross-origin-resource-policy': 'cross-origin',
    vary: 'origin',
  };
  return { ...reply, headers: { ...reply.headers, ...headers } };
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
  return letIn(notFound(services));
}

const letIn = (reply: HttpReply): HttpReply => ({ ...reply, letIn: true });

function notFound(services: HttpServices): HttpReply {
  return text(404, `nothing at this path; there are ${[...services.pages.keys(), ...OPEN_ROUTES.keys()].join(', ')}`);
}

function json(status: number, value: unknown): HttpReply {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}

function text(status: number, line: string, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${line}\n` };
}
