import { timingSafeEqual } from 'node:crypto';
import { BEARER_SUBPROTOCOL, SUBPROTOCOLS, type Encoding } from '../../protocol/index.js';
import { challengeProof } from '../repository/index.js';
import { authorities } from '../config/authority.js';
import { refuseDoubtfulHead } from './head-check.js';
import { findHeaders, type HttpReply, type RequestHead, type Handshake } from './transport.js';
import { text } from './reply.js';

/** Which requests an {@link AccessPolicy} accepts. */
export interface AccessRules {
  readonly token: string;
  /** The port in use. A Host header with another port is refused. */
  readonly port: number;
  /** The scheme of this server, and so of its own pages' origins. */
  readonly scheme: 'http' | 'https';
  /** Names that a Host header may have, with a port or without. */
  readonly hosts: readonly string[];
  /** Allowed origins beside the server's own, as browsers write them. */
  readonly origins: readonly string[];
}

const ENCODINGS = Object.keys(SUBPROTOCOLS) as Encoding[];

/**
 * Accepts or refuses a request before anything else happens. It checks the Host header first (against DNS rebinding: a page whose name
 * resolves to this server sends that name as Host), then the Origin header (a browser names the page that asks), then the token.
 */
export class AccessPolicy {
  readonly #authorities: ReadonlySet<string>;
  readonly #ownOrigins: ReadonlySet<string>;
  readonly #namedOrigins: ReadonlySet<string>;
  #token: Buffer;

  constructor({ token, port, scheme, hosts, origins }: AccessRules) {
    this.#token = Buffer.from(token);
    this.#authorities = authorities(hosts, port, scheme);
    this.#ownOrigins = new Set([...this.#authorities].map((authority) => `${scheme}://${authority}`));
    this.#namedOrigins = new Set(origins);
  }

  /** Replaces the token. The old one is refused from now on. */
  changeToken(token: string): void {
    this.#token = Buffer.from(token);
  }

  /**
   * Checks Host and Origin, for every request.
   * @returns a refusal if the request is for another host or comes from a page that is not allowed.
   */
  refuseHostOrOrigin(request: RequestHead): HttpReply | undefined {
    const hosts = findHeaders(request, 'host');
    const host = hosts[0]?.toLowerCase();
    if (hosts.length !== 1 || host === undefined || !this.#authorities.has(host)) {
      return text(403, 'host not allowed; the operator can name it with --allow-host');
    }
    const origins = findHeaders(request, 'origin');
    const [origin] = origins;
    if (origins.length > 1 || (origin !== undefined && !this.#isKnownOrigin(origin.toLowerCase()))) {
      return text(403, 'origin not allowed; the operator can name it with --allow-origin');
    }
    return undefined;
  }

  #isKnownOrigin(origin: string): boolean {
    return this.#ownOrigins.has(origin) || this.#namedOrigins.has(origin);
  }

  /** @returns the request's Origin if the operator has allowed it by name; `undefined` for the server's own pages. */
  namedOrigin(request: RequestHead): string | undefined {
    const origin = findHeaders(request, 'origin')[0];
    return origin !== undefined && this.#namedOrigins.has(origin.toLowerCase()) ? origin : undefined;
  }

  /** Whether the request carries the token, in its header or, for a handshake, among its subprotocols. */
  hasToken(request: RequestHead): boolean {
    const presented = bearerTokens(request);
    // Exactly one: an honest client never sends two. The tokens are always compared, so that every request takes the same time.
    return this.#isToken(presented[0] ?? NO_TOKEN) && presented.length === 1;
  }

  /**
   * Returns the proof that this server knows the token. The proof covers the request's Host, so it is valid for that address only.
   * The caller has already checked the Host.
   */
  proveTo(request: RequestHead, nonce: string): string {
    return challengeProof(this.#token.toString(), nonce, findHeaders(request, 'host')[0] ?? '');
  }

  upgrade(request: RequestHead): Handshake {
    const refused = refuseDoubtfulHead(request) ?? this.refuseHostOrOrigin(request) ?? refuseHandshake(request);
    if (refused) return { accept: false, reply: refused };
    if (!this.hasToken(request)) return { accept: false, reply: UNAUTHORIZED };
    const named = subprotocols(request);
    if (named.length === 0) return { accept: true, encoding: 'msgpack', subprotocol: undefined };
    if (new Set(named).size !== named.length || !named.every((name) => TOKEN_CHARACTERS.test(name))) {
      return { accept: false, reply: text(400, 'each subprotocol is a name, and is offered once') };
    }
    const offered = named.filter((name) => !name.startsWith(BEARER_SUBPROTOCOL));
    const encoding = ENCODINGS.find((candidate) => offered.includes(SUBPROTOCOLS[candidate]));
    if (encoding === undefined) {
      return {
        accept: false,
        reply: text(400, `offer the subprotocol ${Object.values(SUBPROTOCOLS).join(' or ')}`),
      };
    }
    return { accept: true, encoding, subprotocol: SUBPROTOCOLS[encoding] };
  }

  #isToken(presented: Buffer): boolean {
    // timingSafeEqual throws for unequal lengths. So the token is compared with itself, which takes the same time, and refused.
    const sameLength = presented.length === this.#token.length;
    return timingSafeEqual(sameLength ? presented : this.#token, this.#token) && sameLength;
  }
}

const NO_TOKEN = Buffer.alloc(0);
/** The characters that RFC 7230 allows in a subprotocol's name. */
const TOKEN_CHARACTERS = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** 16 bytes in base64. */
const HANDSHAKE_KEY = /^[A-Za-z0-9+/]{22}==$/;

export const UNAUTHORIZED: HttpReply = text(
  401,
  'the token is missing or wrong; it is in .muse/bus/endpoint.json and goes into Authorization: Bearer',
  { 'www-authenticate': 'Bearer' },
);

/** Whether a request is meant as a WebSocket handshake, valid or not. */
export function isHandshake(request: RequestHead): boolean {
  const asksFor = findHeaders(request, 'upgrade').some((name) => name.toLowerCase() === 'websocket');
  return asksFor || findHeaders(request, 'sec-websocket-key').length > 0;
}

/** Checks what the engines do not check themselves. */
function refuseHandshake(request: RequestHead): HttpReply | undefined {
  if (request.method !== 'GET') return text(405, 'a WebSocket begins with GET', { allow: 'GET' });
  const upgrades = findHeaders(request, 'upgrade');
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== 'websocket') {
    return text(426, 'send Upgrade: websocket', { upgrade: 'websocket' });
  }
  const connections = findHeaders(request, 'connection').flatMap((value) => value.toLowerCase().split(','));
  if (!connections.some((option) => option.trim() === 'upgrade')) return text(400, 'send Connection: Upgrade');
  const versions = findHeaders(request, 'sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== '13') {
    return text(426, 'send Sec-WebSocket-Version: 13', { 'sec-websocket-version': '13', upgrade: 'websocket' });
  }
  const keys = findHeaders(request, 'sec-websocket-key');
  if (keys.length !== 1 || !HANDSHAKE_KEY.test(keys[0]!)) {
    return text(400, 'send one Sec-WebSocket-Key of sixteen bytes in base64');
  }
  return undefined;
}

function subprotocols(request: RequestHead): string[] {
  return findHeaders(request, 'sec-websocket-protocol')
    .flatMap((value) => value.split(','))
    .map((name) => name.trim());
}

function bearerTokens(request: RequestHead): Buffer[] {
  const fromHeader = findHeaders(request, 'authorization').map((value) => {
    const match = /^bearer +(\S+) *$/i.exec(value);
    return match?.[1] === undefined ? NO_TOKEN : Buffer.from(match[1]);
  });
  // A page can send no header with a handshake. With a plain request it can, so there the header is the only place.
  const fromSubprotocol = (isHandshake(request) ? subprotocols(request) : [])
    .filter((name) => name.startsWith(BEARER_SUBPROTOCOL))
    .map((name) => Buffer.from(name.slice(BEARER_SUBPROTOCOL.length), 'base64url'));
  return [...fromHeader, ...fromSubprotocol];
}
