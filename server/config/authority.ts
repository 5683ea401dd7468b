/** Names of this machine for itself, and so of nobody else. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Addresses that mean "every interface": nobody's name, and a page's way to a local server where a browser allows it. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '[::]']);
/** The same in words. */
const EVERY_INTERFACE: ReadonlySet<string> = new Set(['', '*']);

/** `::ffff:1.2.3.4` as the URL standard writes it. */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::([1-9][0-9]{0,4}))?$/;
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/;

/**
 * The address that is meant, in the one way to write it: `0`, `00.0.0.0` and `::ffff:0.0.0.0` are `0.0.0.0`, `127.1` is `127.0.0.1`, and
 * `localhost` is `127.0.0.1`, because what a name leads to on this machine may be listened on by somebody else. A name of another
 * kind is returned as it is.
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

const dotted = (high: number, low: number): string =>
  [high >> 8, high & 0xff, low >> 8, low & 0xff].map(String).join('.');

/** @param host as {@link listenAddress} has it. */
export function isLoopback(host: string): boolean {
  return host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** @param host as {@link listenAddress} has it. */
export function isWildcard(host: string): boolean {
  return WILDCARDS.has(inUrl(host));
}

/** The address of this machine at which a listener is reached that listens on an address. */
export function reachedAt(host: string): string {
  if (!isWildcard(host)) return host;
  return host.includes(':') ? '::1' : '127.0.0.1';
}

/** An address as it stands in a URL: IPv6 in brackets. */
export function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

/** @returns what is wrong with a name that the operator allows; `undefined` where nothing is. */
export function hostFault(host: string): string | undefined {
  const match = HOST.exec(host.toLowerCase());
  const [, name, port] = match ?? [];
  if (name === undefined || Number(port ?? 1) > 65_535) return 'must be a name or address, with a port or without';
  return isWildcard(listenAddress(name)) ? 'stands for every interface and is nobody’s name' : undefined;
}

/** @returns what is wrong with an origin that the operator allows; `undefined` where nothing is. */
export function originFault(origin: string): string | undefined {
  const meant = originOf(origin);
  if (meant === undefined) return 'must be an origin, scheme://host or scheme://host:port';
  if (meant !== origin) return `must be exactly scheme://host[:port]; did you mean ${meant}?`;
  return origin.includes('*') ? 'has no wildcards; name each origin' : undefined;
}

/** The origin of a URL, as browsers write it. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, protocol, host } = new URL(text);
  // Of schemes that are not the web's, such as an editor's, the origin is said to be opaque, yet is sent like this.
  const written = origin === 'null' && host !== '' ? `${protocol}//${host}` : origin;
  return ORIGIN.test(written) ? written : undefined;
}

/**
 * What a Host header may say.
 * @param hosts names with a port of their own, behind a proxy, or without: then the server's.
 */
export function authorities(hosts: readonly string[], port: number, scheme: 'http' | 'https'): ReadonlySet<string> {
  const defaultPort = scheme === 'http' ? 80 : 443;
  const said = new Set<string>();
  for (const host of hosts) {
    const [, name = '', own] = HOST.exec(host.toLowerCase()) ?? [];
    const itsPort = own === undefined ? port : Number(own);
    said.add(`${name}:${String(itsPort)}`);
    // The scheme's own port is left out by browsers; a proxy's scheme is not known here.
    if (itsPort === defaultPort || (own !== undefined && (itsPort === 80 || itsPort === 443))) said.add(name);
  }
  return said;
}
