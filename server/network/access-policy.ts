import { timingSafeEqual } from 'node:crypto';
import { BEARER_SUBPROTOCOL, SUBPROTOCOLS, type Encoding } from '../../protocol/index.js';
import { challengeProof } from '../repository/index.js';
import { authorities } from '../config/authority.js';
import { refuseDoubtfulHead } from './head-check.js';
import { refusal } from './refusal.js';
import { findHeaders, type HttpReply, type RequestHead, type Upgrade } from './transport.js';

/** Who may come in. */
export interface DoorPolicy {
  readonly token: string;
  /** The port in use: a Host with another port is not ours. */
  readonly port: number;
  /** Our own: the scheme of our own pages' origins. */
  readonly scheme: 'http' | 'https';
  /** Names by which the server may be called, with a port or without. */
  readonly hosts: readonly string[];
  /** Origins beside our own, as browsers write them. */
  readonly origins: readonly string[];
}

const ENCODINGS = Object.keys(SUBPROTOCOLS) as Encoding[];

/**
 * Decides who comes in, before anything else happens. Host first (a page that has its own name resolve to us says that
 * name), then Origin (a browser says who asks), then the token.
 */
export class AccessPolicy {
  readonly #authorities: ReadonlySet<string>;
  readonly #ownOrigins: ReadonlySet<string>;
  readonly #namedOrigins: ReadonlySet<string>;
  #token: Buffer;

  constructor({ token, port, scheme, hosts, origins }: DoorPolicy) {
    this.#token = Buffer.from(token);
    this.#authorities = authorities(hosts, port, scheme);
    this.#ownOrigins = new Set([...this.#authorities].map((authority) => `${scheme}://${authority}`));
    this.#namedOrigins = new Set(origins);
  }

  /** From now on this token is asked for, and no other. */
  changeToken(token: string): void {
    this.#token = Buffer.from(token);
  }

  /** @returns a refusal for a request that is not meant for us or comes from a foreign page; asked of every request. */
  refuseStranger(request: RequestHead): HttpReply | undefined {
    const hosts = findHeaders(request, 'host');
    const host = hosts[0]?.toLowerCase();
    if (hosts.length !== 1 || host === undefined || !this.#authorities.has(host)) {
      return refusal(403, 'host not allowed; the operator can name it with --allow-host');
    }
    const origins = findHeaders(request, 'origin');
    const [origin] = origins;
    if (origins.length > 1 || (origin !== undefined && !this.#isKnownOrigin(origin.toLowerCase()))) {
      return refusal(403, 'origin not allowed; the operator can name it with --allow-origin');
    }
    return undefined;
  }

  #isKnownOrigin(origin: string): boolean {
    return this.#ownOrigins.has(origin) || this.#namedOrigins.has(origin);
  }

  /** @returns the Origin of a page that is not ours and that the operator has named. */
  namedOrigin(request: RequestHead): string | undefined {
    const origin = findHeaders(request, 'origin')[0];
    return origin !== undefined && this.#namedOrigins.has(origin.toLowerCase()) ? origin : undefined;
  }

  /** Whether the request carries the token, in its header or among its subprotocols. */
  hasToken(request: RequestHead): boolean {
    const presented = bearerTokens(request);
    // Exactly one: two are somebody's attempt. The comparison is made in every case, so that all take the same time.
    return this.#isToken(presented[0] ?? NO_TOKEN) && presented.length === 1;
  }

  /** Shows that this server knows the token, at the address by which it was called: that is one of its own. */
  proveTo(request: RequestHead, nonce: string): string {
    return challengeProof(this.#token.toString(), nonce, findHeaders(request, 'host')[0] ?? '');
  }

  upgrade(request: RequestHead): Upgrade {
    const refused = refuseDoubtfulHead(request) ?? this.refuseStranger(request) ?? refuseHandshake(request);
    if (refused) return { accept: false, reply: refused };
    if (!this.hasToken(request)) return { accept: false, reply: UNAUTHORIZED };
    const named = subprotocols(request);
    if (named.length === 0) return { accept: true, encoding: 'msgpack', subprotocol: undefined };
    if (new Set(named).size !== named.length || !named.every((name) => TOKEN_CHARACTERS.test(name))) {
      return { accept: false, reply: refusal(400, 'each subprotocol is a name, and is offered once') };
    }
    const offered = named.filter((name) => !name.startsWith(BEARER_SUBPROTOCOL));
    const encoding = ENCODINGS.find((candidate) => offered.includes(SUBPROTOCOLS[candidate]));
    if (encoding === undefined) {
      return {
        accept: false,
        reply: refusal(400, `offer the subprotocol ${Object.values(SUBPROTOCOLS).join(' or ')}`),
      };
    }
    return { accept: true, encoding, subprotocol: SUBPROTOCOLS[encoding] };
  }

  #isToken(presented: Buffer): boolean {
    // A comparison of unequal lengths takes its own time; compare ourselves instead and refuse all the same.
    const sameLength = presented.length === this.#token.length;
    return timingSafeEqual(sameLength ? presented : this.#token, this.#token) && sameLength;
  }
}

const NO_TOKEN = Buffer.alloc(0);
/** What RFC 7230 allows in a subprotocol's name. */
const TOKEN_CHARACTERS = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Sixteen bytes in base64. */
const HANDSHAKE_KEY = /^[A-Za-z0-9+/]{22}==$/;

export const UNAUTHORIZED: HttpReply = refusal(
  401,
  'the token is missing or wrong; it is in .muse/bus/endpoint.json and goes into Authorization: Bearer',
  { 'www-authenticate': 'Bearer' },
);

/** Whether a request wants to become a WebSocket, well or badly put. */
export function isHandshake(request: RequestHead): boolean {
  const asksFor = findHeaders(request, 'upgrade').some((name) => name.toLowerCase() === 'websocket');
  return asksFor || findHeaders(request, 'sec-websocket-key').length > 0;
}

/** What the engines do not insist on by themselves. */
function refuseHandshake(request: RequestHead): HttpReply | undefined {
  if (request.method !== 'GET') return refusal(405, 'a WebSocket begins with GET', { allow: 'GET' });
  const upgrades = findHeaders(request, 'upgrade');
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== 'websocket') {
    return refusal(426, 'send Upgrade: websocket', { upgrade: 'websocket' });
  }
  const connections = findHeaders(request, 'connection').flatMap((value) => value.toLowerCase().split(','));
  if (!connections.some((option) => option.trim() === 'upgrade')) return refusal(400, 'send Connection: Upgrade');
  const versions = findHeaders(request, 'sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== '13') {
    return refusal(426, 'send Sec-WebSocket-Version: 13', { 'sec-websocket-version': '13', upgrade: 'websocket' });
  }
  const keys = findHeaders(request, 'sec-websocket-key');
  if (keys.length !== 1 || !HANDSHAKE_KEY.test(keys[0]!)) {
    return refusal(400, 'send one Sec-WebSocket-Key of sixteen bytes in base64');
  }
  return undefined;
}

function subprotocols(request: RequestHead): string[] {
  return findHeaders(request, 'sec-websocket-protocol')
    .flatMap((value) => value.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function bearerTokens(request: RequestHead): Buffer[] {
  const fromHeader = findHeaders(request, 'authorization').map((value) => {
    const match = /^bearer +(\S+) *$/i.exec(value);
    return match?.[1] === undefined ? NO_TOKEN : Buffer.from(match[1]);
  });
  const fromSubprotocol = subprotocols(request)
    .filter((name) => name.startsWith(BEARER_SUBPROTOCOL))
    .map((name) => Buffer.from(name.slice(BEARER_SUBPROTOCOL.length), 'base64url'));
  return [...fromHeader, ...fromSubprotocol];
}
