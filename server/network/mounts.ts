import { isHandshake } from './access-policy.js';
import { refuseDoubtfulHead } from './head-check.js';
import type { JointReadiness } from './joint-readiness.js';
import type { OverflowWarning } from './overflow-warning.js';
import { isReading, json, NOT_READING, text } from './reply.js';
import type { RequestHandler } from './request-handler.js';
import { withSecurityHeaders } from './security-headers.js';
import type { HttpAnswer, HttpReply, RequestHead, TransportHandlers, Upgrade } from './transport.js';

/** One bus of a listener. */
export interface Mount {
  /** The path below which it is served, `/shop`; empty if it is the only one, which then has all paths. */
  readonly path: string;
  readonly requests: RequestHandler;
}

/** Where a request goes. */
interface Found {
  readonly mount: Mount;
  /** The request as the bus sees it, without the path of the bus. */
  readonly request: RequestHead;
}

/** Hands each request to the bus whose path it has. What belongs to no bus is answered here, and tells nothing of them. */
export class Mounts implements TransportHandlers {
  readonly #byPath = new Map<string, Mount>();

  constructor(
    private readonly readiness: JointReadiness,
    private readonly overflow: OverflowWarning,
  ) {}

  get all(): readonly Mount[] {
    return [...this.#byPath.values()];
  }

  at(path: string): Mount {
    return this.#byPath.get(path)!;
  }

  add(mount: Mount): void {
    this.#byPath.set(mount.path, mount);
  }

  remove(path: string): void {
    this.#byPath.delete(path);
  }

  http(request: RequestHead): HttpAnswer {
    const found = this.#find(request);
    if (!found) return withSecurityHeaders(this.#own(request));
    const { mount } = found;
    const isBare = mount.path !== '' && request.path === mount.path && !isHandshake(request);
    // The pages' own links are relative, so that they work below any path.
    return isBare
      ? withSecurityHeaders(this.#refuse(request) ?? elsewhere(request))
      : mount.requests.http(found.request);
  }

  upgrade(request: RequestHead): Upgrade {
    const found = this.#find(request);
    return found
      ? found.mount.requests.upgrade(found.request)
      : { accept: false, reply: withSecurityHeaders(this.#refuse(request) ?? NO_BUS) };
  }

  pendingOverflow(remoteAddress: string): void {
    this.overflow.happened(remoteAddress);
  }

  #find(request: RequestHead): Found | undefined {
    const whole = this.#byPath.get('');
    if (whole) return { mount: whole, request };
    const [path = ''] = /^\/[^/]*/.exec(request.path) ?? [];
    const mount = this.#byPath.get(path);
    return mount && { mount, request: { ...request, path: request.path.slice(path.length) || '/' } };
  }

  #own(request: RequestHead): HttpReply {
    const refused = this.#refuse(request);
    if (refused) return refused;
    switch (request.path) {
      case '/healthz':
        return isReading(request) ? json(200, { status: 'ok' }) : NOT_READING;
      case '/readyz':
        return isReading(request) ? this.readiness.reply('counts') : NOT_READING;
      default:
        return NO_BUS;
    }
  }

  #refuse(request: RequestHead): HttpReply | undefined {
    // All have the same names and origins.
    const [first] = this.#byPath.values();
    return refuseDoubtfulHead(request) ?? first!.requests.accessPolicy?.refuseHostOrOrigin(request);
  }
}

/** Sends a browser to the page of a bus. It keeps the fragment with the token. */
function elsewhere(request: RequestHead): HttpReply {
  const query = request.query === '' ? '' : `?${request.query}`;
  return text(308, 'the page is one level below', { location: `${request.path}/${query}` });
}

const NO_BUS = text(404, 'no repository is served here: the url of each has its own path, ws://host:port/name');
