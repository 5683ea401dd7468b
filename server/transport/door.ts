import { timingSafeEqual } from 'node:crypto';
import { BEARER_SUBPROTOCOL, SUBPROTOCOLS, type Encoding } from '../../protocol/index.js';
import { findHeaders, type HttpReply, type RequestHead, type Upgrade } from './transport.js';

/** Who may come in. */
export interface DoorPolicy {
  readonly token: string;
  /** The port in use: a Host with another port is not ours. */
  readonly port: number;
  /** Names by which the server may be called, lower case, without port. */
  readonly hosts: readonly string[];
  /** Origins beside our own, as browsers write them. */
  readonly origins: readonly string[];
}

/** Names of this machine for itself, and so of nobody else. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

const ENCODINGS = Object.keys(SUBPROTOCOLS) as Encoding[];

/**
 * Decides who comes in, before anything else happens. Host first (a page that has its own name resolve to us says that
 * name), then Origin (a browser says who asks), then the token.
 */
export class Door {
  readonly #token: Buffer;
  readonly #authorities: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor(policy: DoorPolicy) {
    this.#token = Buffer.from(policy.token);
    this.#authorities = new Set(policy.hosts.map((host) => `${host}:${String(policy.port)}`));
    this.#origins = new Set([
      ...[...this.#authorities].flatMap((authority) => [`http://${authority}`, `https://${authority}`]),
      ...policy.origins,
    ]);
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
    if (origins.length > 1 || (origin !== undefined && !this.#origins.has(origin.toLowerCase()))) {
      return refusal(403, 'origin not allowed; the operator can name it with --allow-origin');
    }
    return undefined;
  }

  /** Whether the request carries the token, in its header or among its subprotocols. */
  hasToken(request: RequestHead): boolean {
    const presented = bearerTokens(request);
    // Exactly one: two that differ are somebody's attempt.
    return presented.length === 1 && this.#isToken(presented[0]!);
  }

  upgrade(request: RequestHead): Upgrade {
    const refused = this.refuseStranger(request) ?? refuseHandshake(request);
    if (refused) return { accept: false, reply: refused };
    if (!this.hasToken(request)) return { accept: false, reply: UNAUTHORIZED };
    const offered = subprotocols(request).filter((name) => !name.startsWith(BEARER_SUBPROTOCOL));
    if (offered.length === 0 && subprotocols(request).length === 0) {
      return { accept: true, encoding: 'msgpack', subprotocol: undefined };
    }
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

export const UNAUTHORIZED: HttpReply = refusal(
  401,
  'the token is missing or wrong; it is in .muse/bus/endpoint.json and goes into Authorization: Bearer',
  { 'www-authenticate': 'Bearer' },
);

function refusal(status: number, why: string, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${why}\n` };
}

/** What the engines do not insist on by themselves. */
function refuseHandshake(request: RequestHead): HttpReply | undefined {
  if (request.method !== 'GET') return refusal(405, 'a WebSocket begins with GET');
  const upgrades = findHeaders(request, 'upgrade');
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== 'websocket') {
    return refusal(426, 'send Upgrade: websocket', { upgrade: 'websocket' });
  }
  const versions = findHeaders(request, 'sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== '13') {
    return refusal(426, 'send Sec-WebSocket-Version: 13', { 'sec-websocket-version': '13' });
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
    return Buffer.from(match?.[1] ?? '');
  });
  const fromSubprotocol = subprotocols(request)
    .filter((name) => name.startsWith(BEARER_SUBPROTOCOL))
    .map((name) => Buffer.from(name.slice(BEARER_SUBPROTOCOL.length), 'base64url'));
  return [...fromHeader, ...fromSubprotocol];
}
