import { BusError } from './bus-error.js';

const HINT =
  'a bus is at ws://host:port, or wss://host:port with TLS; at an edge of several repositories, each has a path';

/** @returns what is wrong with the url of a bus; `undefined` if it is valid. */
function fault(url: string): string | undefined {
  if (url.trim() === '') return 'is empty';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return /^[a-z]+:\/\/\/?$/i.test(url) ? 'names no host' : 'is invalid';
  }
  const { protocol, hostname, searchParams, hash } = parsed;
  // `URL` parses `localhost:6873` as a scheme and a path.
  if (hostname === '' && !url.includes('//')) return `has no scheme; did you mean ws://${url}?`;
  if (protocol === 'http:' || protocol === 'https:') {
    return `begins with ${protocol}//; did you mean ${url.replace(/^http/i, 'ws')}?`;
  }
  if (protocol !== 'ws:' && protocol !== 'wss:') return `begins with ${protocol}, not with ws:// or wss://`;
  if (hostname === '') return 'names no host';
  if (searchParams.has('token')) return 'holds a token, which every log on the way would keep: give it as token';
  return hash === '' ? undefined : 'has a fragment (#…), which a WebSocket has not';
}

/** Checks the url of a bus. @throws BusError `bad-option`, with what is wrong; a url with a token is not quoted. */
export function checkUrl(url: string): void {
  const why = fault(url);
  if (why === undefined) return;
  const shown = why.includes('token') ? '' : ` ${JSON.stringify(url.slice(0, 200))}`;
  throw new BusError('bad-option', `the url${shown} ${why}`, HINT);
}

/** Where the bus at a valid url answers HTTP; without a slash at the end. An edge of several repositories has each below a path of its own. */
export function httpUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}${pathname.replace(/\/+$/, '')}`;
}
