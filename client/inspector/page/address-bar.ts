import { batch, effect } from '@preact/signals';
import { formatPlace, parsePlace } from '../model/place.js';
import { atMs, place, query, since, showView, takesNewEntry, target } from './state.js';

/** The path below which this page's bus is served: an edge of several repositories has each below its own, and each has its own token. */
const OWN_PATH = location.protocol === 'chrome-extension:' ? '' : location.pathname.replace(/\/+$/, '');
/** Names the token of this page's bus, in this tab and between tabs. */
export const TOKEN_KEY = `muse-bus.token${OWN_PATH}`;
const BUS_KEY = 'muse-bus.address';

/** The url of the bus, and its token. */
export interface BusAddress {
  readonly url: string;
  readonly token: string;
}

/**
 * Removes the token from the address bar and keeps it for this tab. The address of the bus is the server of this page; in the browser
 * extension it is the address that the user has entered.
 */
export function takeAddress(): BusAddress {
  const { hash, protocol, host, pathname, search } = location;
  const token = /[#&]token=([^&]*)/.exec(hash)?.[1];
  if (token !== undefined) {
    keepToken(decodeURIComponent(token));
    const rest = hash
      .slice(1)
      .replace(/(^|&)token=[^&]*/, '')
      .replace(/^&/, '');
    // An address with nothing but the token belongs to the place where the page was when it asked for it.
    history.replaceState(null, '', pathname + search + (rest === '' ? formatPlace(place.peek()) : `#${rest}`));
  }
  const own = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${OWN_PATH}`;
  const url = isExtension() ? (sessionStorage.getItem(BUS_KEY) ?? '') : own;
  return { url, token: sessionStorage.getItem(TOKEN_KEY) ?? '' };
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** Reads the address that the user entered: the one that `serve` prints or, on a page that the bus serves, only the token. */
export function readAddress(text: string): BusAddress | undefined {
  const pasted = /^(?:http|ws)(s?):\/\/([^/#?\s]+(?:\/[^/#?\s]+)?)\/?#token=(\S+)$/.exec(text.trim());
  const known = takeAddress();
  const address = pasted
    ? { url: `ws${pasted[1]!}://${pasted[2]!}`, token: decodeURIComponent(pasted[3]!) }
    : { url: known.url, token: text.trim() };
  // The page's security policy allows connections to its own server only.
  if (address.url === '' || address.token === '' || (!isExtension() && address.url !== known.url)) return undefined;
  keepToken(address.token);
  sessionStorage.setItem(BUS_KEY, address.url);
  return address;
}

export const isExtension = (): boolean => location.protocol === 'chrome-extension:';

/**
 * Keeps the address bar equal to the place, in both directions. A change of view or selection is an entry of its own in the history, so that
 * Back undoes it; typing in the filter is not.
 */
export function startAddressBar(): void {
  readHash();
  addEventListener('hashchange', readHash);
  addEventListener('popstate', readHash);
  effect(() => {
    const hash = formatPlace(place.value);
    const isStep = takesNewEntry();
    if (location.hash === hash) return;
    if (isStep) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  });
}

function readHash(): void {
  const read = parsePlace(location.hash);
  if (!read) return;
  batch(() => {
    showView(read.view);
    query.value = read.query;
    target.value = read.target;
    atMs.value = read.atMs;
    since.value = read.since;
  });
}
