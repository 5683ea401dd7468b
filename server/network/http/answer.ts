import { closestMatch } from '../../../protocol/index.js';
import { ParameterError } from './parameters.js';
import { readinessReply, type ReadinessReport } from './readiness.js';
import type { Route } from './route.js';
import { CHALLENGE_PATH, isNonce } from '../../repository/index.js';
import { isHandshake, UNAUTHORIZED, type AccessPolicy } from '../access-policy.js';
import { refuseDoubtfulHead } from '../head-check.js';
import { isReading, json, NOT_READING, text } from '../reply.js';
import { withSecurityHeaders } from '../security-headers.js';
import { findHeaders, type HttpAnswer, type HttpReply, type RequestHead } from '../transport.js';

/** The data and the routes that HTTP requests are answered from. */
export interface HttpServices {
  readonly accessPolicy: AccessPolicy;
  /** The inspector's files, by path. They need no token. */
  readonly pages: ReadonlyMap<string, Page>;
  /** The routes that need the token, by path. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Whether there are records to answer from. */
  readonly isRunning: boolean;
  readiness(): ReadinessReport;
}

export interface Page {
  readonly type: string;
  readonly body: string | Uint8Array;
}

type OpenRoute = (services: HttpServices, request: RequestHead) => HttpReply;

/** The routes that need no token. */
const OPEN_ROUTES: ReadonlyMap<string, OpenRoute> = new Map<string, OpenRoute>([
  ['/healthz', () => json(200, { status: 'ok' })],
  ['/readyz', ({ readiness }) => readinessReply(readiness())],
  // A client that has read this server's address from a file checks, before it sends the token, that this server wrote the file.
  [CHALLENGE_PATH, ({ accessPolicy }, request) => challenge(accessPolicy, request)],
]);

function challenge(accessPolicy: AccessPolicy, request: RequestHead): HttpReply {
  const nonces = new URLSearchParams(request.query).getAll('nonce');
  const [nonce] = nonces;
  if (nonces.length !== 1 || nonce === undefined || !isNonce(nonce)) {
    return text(400, 'nonce must be given once, 22 to 86 characters of A-Z a-z 0-9 _ -');
  }
  // The client sends its next request over the same connection, because it now knows which server is at the other end.
  return { ...json(200, { proof: accessPolicy.proveTo(request, nonce) }), mayContinue: true };
}

/** Answers an HTTP request that an engine does not treat as a WebSocket handshake. */
export function answer(request: RequestHead, services: HttpServices): HttpAnswer {
  const { accessPolicy } = services;
  const reply =
    refuseDoubtfulHead(request) ??
    accessPolicy.refuseHostOrOrigin(request) ??
    badHandshake(request, accessPolicy) ??
    preflight(request, accessPolicy) ??
    route(request, services);
  return withSecurityHeaders(withNamedOrigin(reply, request, accessPolicy));
}

/** Refuses a WebSocket handshake that an engine took for a plain request, because something is wrong with it. */
function badHandshake(request: RequestHead, accessPolicy: AccessPolicy): HttpReply | undefined {
  if (!isHandshake(request)) return undefined;
  const upgrade = accessPolicy.upgrade(request);
  return upgrade.accept ? text(400, 'this is no WebSocket handshake') : upgrade.reply;
}

/** Answers a CORS preflight, in which a browser asks without the token whether a page of another origin may send a request. */
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

/** Adds the CORS headers if the request is from a page of another origin that the operator has allowed. Other pages cannot read it. */
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

/** Marks an answer to a request that carried the token. */
function authenticated<T extends HttpAnswer>(reply: T): T {
  return { ...reply, authenticated: true };
}

export const STARTING = text(503, 'starting', { 'retry-after': '1' });

/** Answers a request that carried the token. A mistake in its query is answered with 400 and the reason. */
function tokenRoute(request: RequestHead, services: HttpServices): HttpAnswer {
  const known = services.routes.get(request.path);
  if (!known) return notFound(request.path, services);
  if (!isReading(request)) return NOT_READING;
  if (!services.isRunning && request.path !== '/metrics') return STARTING;
  try {
    return known(request);
  } catch (error) {
    if (error instanceof ParameterError) return text(400, error.message, {}, error.marked);
    throw error;
  }
}

function notFound(path: string, { routes }: HttpServices): HttpReply {
  // The inspector's files are left out: there are many, and no user types their paths.
  const paths = [...OPEN_ROUTES.keys(), ...routes.keys()];
  const best = closestMatch(path.replace(/\/+$/, ''), paths);
  const there = `there are ${paths.join(', ')}`;
  return text(404, best === undefined ? `nothing at this path; ${there}` : `did you mean ${best}? ${there}`);
}
