import { nearest, type WatchHealth } from '../protocol/index.js';
import { QueryError } from './http/query.js';
import { json, text } from './http/reply.js';
import type { Route } from './http/routes.js';
import { UNAUTHORIZED, type Door } from './transport/door.js';
import type { HttpAnswer, HttpReply, RequestHead } from './transport/transport.js';

/** What the HTTP surface shows. */
export interface HttpServices {
  readonly door: Door;
  /** The inspector's files by path; need no token. */
  readonly pages: ReadonlyMap<string, Page>;
  /** What the token opens, by path. */
  readonly routes: ReadonlyMap<string, Route>;
  health(): WatchHealth & { readonly revision: number };
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

type OpenRoute = (services: HttpServices) => HttpReply;

/** What needs no token; everything else does. */
const OPEN_ROUTES: ReadonlyMap<string, OpenRoute> = new Map<string, OpenRoute>([
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
export function answer(request: RequestHead, services: HttpServices): HttpAnswer {
  return secured(services.door.refuseStranger(request) ?? route(request, services));
}

function route(request: RequestHead, services: HttpServices): HttpAnswer {
  const { path } = request;
  const open = OPEN_ROUTES.get(path);
  const page = services.pages.get(path);
  if (!open && !page && !services.door.hasToken(request)) return UNAUTHORIZED;
  const known = services.routes.get(path);
  if (!open && !page && !known) return notFound(path, services);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
  }
  if (open) return open(services);
  if (page) return { status: 200, headers: { 'content-type': page.type }, body: page.body };
  return queried(known!, request);
}

/** A mistake in the query is the caller's to mend, and is named. */
function queried(known: Route, request: RequestHead): HttpAnswer {
  try {
    return known(request);
  } catch (error) {
    if (error instanceof QueryError) return text(400, error.message);
    throw error;
  }
}

function notFound(path: string, { pages, routes }: HttpServices): HttpReply {
  // The inspector's files are many and are nobody's to type.
  const paths = [...(pages.has('/') ? ['/'] : []), ...OPEN_ROUTES.keys(), ...routes.keys()];
  const best = nearest(path.replace(/\/+$/, ''), paths);
  const there = `there are ${paths.join(', ')}`;
  return text(404, best === undefined ? `nothing at this path; ${there}` : `did you mean ${best}? ${there}`);
}

function secured<T extends HttpAnswer>(reply: T): T {
  return { ...reply, headers: { ...SECURITY_HEADERS, ...reply.headers } };
}
