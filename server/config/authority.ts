/** Names that always mean this machine. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Addresses that mean "every interface". They name no server, and some browsers let any page reach a local server through them. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '[::]']);
/** Other spellings of "every interface". */
const EVERY_INTERFACE: ReadonlySet<string> = new Set(['', '*']);

/** `::ffff:1.2.3.4` as the URL standard writes it. */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::([1-9][0-9]{0,4}))?$/;
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/;

/**
 * Returns the canonical form of an address: `0`, `00.0.0.0` and `::ffff:0.0.0.0` become `0.0.0.0`, and `127.1` becomes `127.0.0.1`.
 * `localhost` becomes `127.0.0.1` too: the name may resolve to several addresses, and another process may listen on the others. Any other
 * name is returned unchanged.
 */
export function listenAddress(host: string): string {
  const bare = host
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1');
  if (EVERY_INTERFACE.has(bare)) return '0.0.0.0';
  if (bare === 'localhost') return '127.0.0.1';
  const url = `http://${bare.includes(':') ? `[${bare}]` : bare}`;
  if (!URL.canParse(url)) return host;
  const { hostname } = new URL(url);
  const [, high, low] = MAPPED.exec(hostname) ?? [];
  if (high !== undefined && low !== undefined) return dotted(parseInt(high, 16), parseInt(low, 16));
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Checks an address to listen on. @returns what is wrong with it; `undefined` if nothing is. */
export function listenFault(host: string): string | undefined {
  if (/[\s/@?#]/.test(host.trim())) return 'must be a name or an address, without a scheme or a path';
  return /^(?:[^:]*|\[.*\]):\d+$/.test(host.trim()) ? 'must have no port, which is a separate option' : undefined;
}

const dotted = (high: number, low: number): string =>
  [high >> 8, high & 0xff, low >> 8, low & 0xff].map(String).join('.');

/** @param host as {@link listenAddress} returns it. */
export function isLoopback(host: string): boolean {
  return host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** @param host as {@link listenAddress} returns it. */
export function isWildcard(host: string): boolean {
  return WILDCARDS.has(inUrl(host));
}

/** Returns the address at which clients on this machine reach a server that listens on `host`. */
export function reachedAt(host: string): string {
  if (!isWildcard(host)) return host;
  return host.includes(':') ? '::1' : '127.0.0.1';
}

/** Returns the name in `name:port`, or all of it without a port; an address of IPv6 stays in its brackets. */
export const authorityName = (authority: string): string => authority.toLowerCase().replace(/:\d*$/, '');

/** Returns an address as it is written in a URL: in lower case, and IPv6 in brackets. */
export function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

/** Checks a name that the operator allows. @returns what is wrong with it; `undefined` if nothing is. */
export function hostFault(host: string): string | undefined {
  const match = HOST.exec(host.toLowerCase());
  const [, name, port] = match ?? [];
  if (name === undefined || Number(port ?? 1) > 65_535) return 'must be a name or address, with a port or without';
  return isWildcard(listenAddress(name)) ? 'means every interface and is no server’s name' : undefined;
}

/** Checks an origin that the operator allows. @returns what is wrong with it; `undefined` if nothing is. */
export function originFault(origin: string): string | undefined {
  const meant = originOf(origin);
  if (meant === undefined) return 'must be an origin, scheme://host or scheme://host:port';
  if (meant !== origin) return `must be exactly scheme://host[:port]; did you mean ${meant}?`;
  return origin.includes('*') ? 'has no wildcards; name each origin' : undefined;
}

/** Returns the origin of a URL, as browsers write it; `undefined` if it has none. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, protocol, host } = new URL(text);
  // For schemes outside the web, such as an editor's, `URL` reports an opaque origin, but browsers send this one.
  const written = origin === 'null' && host !== '' ? `${protocol}//${host}` : origin;
  return ORIGIN.test(written) ? written : undefined;
}

/**
 * Returns the values that a Host header may have.
 * @param hosts names, each with a port of its own (behind a proxy) or without one; then the server's port is used.
 */
export function authorities(hosts: readonly string[], port: number, scheme: 'http' | 'https'): ReadonlySet<string> {
  const defaultPort = scheme === 'http' ? 80 : 443;
  const allowed = new Set<string>();
  for (const host of hosts) {
    const [, name = '', own] = HOST.exec(host.toLowerCase()) ?? [];
    const itsPort = own === undefined ? port : Number(own);
    allowed.add(`${name}:${String(itsPort)}`);
    // Browsers omit the default port of the scheme. The scheme of a proxy is not known here, so both defaults count.
    if (itsPort === defaultPort || (own !== undefined && (itsPort === 80 || itsPort === 443))) allowed.add(name);
  }
  return allowed;
}
