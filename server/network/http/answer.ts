import { closestMatch, type WatchHealth } from '../../../protocol/index.js';
import { QueryError } from './query.js';
import { json, text } from './reply.js';
import type { Route } from './route.js';
import type { ServedBus } from '../../inspection/served-bus.js';
import { CHALLENGE_PATH, isNonce } from '../../repository/index.js';
import { isHandshake, UNAUTHORIZED, type AccessPolicy } from '../access-policy.js';
import { refuseDoubtfulHead } from '../head-check.js';
import { refusal } from '../refusal.js';
import { withSecurityHeaders } from '../security-headers.js';
import { findHeaders, type HttpAnswer, type HttpReply, type RequestHead } from '../transport.js';

/** What the HTTP surface shows. */
export interface HttpServices {
  readonly accessPolicy: AccessPolicy;
  /** The inspector's files by path; need no token. */
  readonly pages: ReadonlyMap<string, Page>;
  /** What the token opens, by path. */
  readonly routes: ReadonlyMap<string, Route>;
  health(): WatchHealth & { readonly revision: number; readonly journal: ServedBus['journalHealth'] };
  isReady(): boolean;
}

export interface Page {
  readonly type: string;
  readonly body: string | Uint8Array;
}

type OpenRoute = (services: HttpServices, request: RequestHead) => HttpReply;

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
  // A client that has found this server in a file asks, before it says the token, whether it is the one that wrote the file.
  [CHALLENGE_PATH, ({ accessPolicy }, request) => challenge(accessPolicy, request)],
]);

function challenge(accessPolicy: AccessPolicy, request: RequestHead): HttpReply {
  const nonces = new URLSearchParams(request.query).getAll('nonce');
  const [nonce] = nonces;
  if (nonces.length !== 1 || nonce === undefined || !isNonce(nonce)) {
    return text(400, 'nonce must be given once, 22 to 86 characters of A-Z a-z 0-9 _ -');
  }
  // What is asked next comes over the connection whose other end is now known.
  return { ...json(200, { proof: accessPolicy.proveTo(request, nonce) }), mayContinue: true };
}

/** Answers a request that is no WebSocket. */
export function answer(request: RequestHead, services: HttpServices): HttpAnswer {
  const { accessPolicy } = services;
  const reply =
    refuseDoubtfulHead(request) ??
    accessPolicy.refuseStranger(request) ??
    badHandshake(request, accessPolicy) ??
    preflight(request, accessPolicy) ??
    route(request, services);
  return withSecurityHeaders(withNamedOrigin(reply, request, accessPolicy));
}

/** A handshake that an engine takes for a plain request has something amiss. */
function badHandshake(request: RequestHead, accessPolicy: AccessPolicy): HttpReply | undefined {
  if (!isHandshake(request)) return undefined;
  const upgrade = accessPolicy.upgrade(request);
  return upgrade.accept ? refusal(400, 'this is no WebSocket handshake') : upgrade.reply;
}

/** A browser's question, without a token, whether a page of another origin may ask. */
function preflight(request: RequestHead, accessPolicy: AccessPolicy): HttpReply | undefined {
  const asked = findHeaders(request, 'access-control-request-method').length > 0;
  if (request.method !== 'OPTIONS' || !asked || accessPolicy.namedOrigin(request) === undefined) return undefined;
  const headers = {
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': 'authorization, last-event-id',
    'access-control-allow-private-network': 'true',
    'access-control-max-age': '600',
  };
  return { status: 204, headers, body: '' };
}

/** Only pages that the operator has named may read an answer from another origin. */
function withNamedOrigin(reply: HttpAnswer, request: RequestHead, accessPolicy: AccessPolicy): HttpAnswer {
  const origin = accessPolicy.namedOrigin(request);
  if (origin === undefined) return reply;
  const { vary } = reply.headers;
  const headers = {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'muse-bus-cursor',
    'cross-origin-resource-policy': 'cross-origin',
    vary: vary === undefined ? 'origin' : `${vary}, origin`,
  };
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

function route(request: RequestHead, services: HttpServices): HttpAnswer {
  const open = OPEN_ROUTES.get(request.path);
  const page = services.pages.get(request.path);
  if (!open && !page) {
    return services.accessPolicy.hasToken(request) ? authenticated(tokenRoute(request, services)) : UNAUTHORIZED;
  }
  if (!isReading(request)) return NOT_READING;
  return open ? open(services, request) : { status: 200, headers: { 'content-type': page!.type }, body: page!.body };
}

/** The token was presented. */
function authenticated<T extends HttpAnswer>(reply: T): T {
  return { ...reply, authenticated: true };
}

/** A mistake in the query is the caller's to mend, and is named. */
function tokenRoute(request: RequestHead, services: HttpServices): HttpAnswer {
  const known = services.routes.get(request.path);
  if (!known) return notFound(request.path, services);
  if (!isReading(request)) return NOT_READING;
  try {
    return known(request);
  } catch (error) {
    if (error instanceof QueryError) return text(400, error.message);
    throw error;
  }
}

const isReading = ({ method }: RequestHead): boolean => method === 'GET' || method === 'HEAD';
const NOT_READING = text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });

function notFound(path: string, { routes }: HttpServices): HttpReply {
  // The inspector's files are many and are nobody's to type.
  const paths = [...OPEN_ROUTES.keys(), ...routes.keys()];
  const best = closestMatch(path.replace(/\/+$/, ''), paths);
  const there = `there are ${paths.join(', ')}`;
  return text(404, best === undefined ? `nothing at this path; ${there}` : `did you mean ${best}? ${there}`);
}
