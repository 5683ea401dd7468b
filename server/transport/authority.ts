/** Names of this machine for itself, and so of nobody else. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Addresses that mean "every interface": nobody's name, and a page's way to a local server where a browser allows it. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '[::]', '*', '']);

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::([1-9][0-9]{0,4}))?$/;
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

export function isWildcard(host: string): boolean {
  return WILDCARDS.has(inUrl(host));
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
  return WILDCARDS.has(name) ? 'stands for every interface and is nobody’s name' : undefined;
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
