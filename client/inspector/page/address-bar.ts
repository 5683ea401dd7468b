import { batch, effect } from '@preact/signals';
import { formatPlace, parsePlace, type Place } from '../model/place.js';
import { formatTarget } from '../model/target.js';
import { VIEW_TITLES } from '../model/view-name.js';
import { visibleMiddle } from '../model/visible.js';
import { dropLater, pushEntry, replaceEntry } from './history-entries.js';
import { keepInTab, keptInTab } from './tab-storage.js';
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
export function takeAddress(hash = location.hash): BusAddress {
  const { protocol, host, pathname, search } = location;
  const token = /[#&]token=([^&]*)/.exec(hash)?.[1];
  if (token !== undefined) {
    keepToken(decoded(token));
    const rest = hash
      .slice(1)
      .replace(/(^|&)token=[^&]*/, '')
      .replace(/^&/, '');
    // An address with nothing but the token belongs to the place where the page was when it asked for it.
    const shown = rest === '' ? formatPlace(place.peek()) : `#${rest}`;
    if (location.hash === hash) history.replaceState(null, '', pathname + search + shown);
  }
  const own = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${OWN_PATH}`;
  const url = isExtension() ? (keptInTab(BUS_KEY) ?? '') : own;
  return { url, token: keptInTab(TOKEN_KEY) ?? '' };
}

export function keepToken(token: string): void {
  keepInTab(TOKEN_KEY, token);
}

/** A token that was cut inside an escape is wrong, but it is no reason to show nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Reads the address that the user entered: the one that `serve` prints or, on a page that the bus serves, only the token. */
export function readAddress(text: string): BusAddress | undefined {
  const pasted = /^(?:http|ws)(s?):\/\/([^/#?\s]+(?:\/[^/#?\s]+)?)\/?#token=(\S+)$/.exec(text.trim());
  const known = takeAddress();
  const address = pasted
    ? { url: `ws${pasted[1]!}://${pasted[2]!}`, token: decoded(pasted[3]!) }
    : { url: known.url, token: text.trim() };
  // The page's security policy allows connections to its own server only.
  if (address.url === '' || address.token === '' || (!isExtension() && address.url !== known.url)) return undefined;
  keepToken(address.token);
  keepInTab(BUS_KEY, address.url);
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
    if (location.hash === hash) dropLater();
    else if (isStep) pushEntry(hash);
    else replaceEntry(hash);
    document.title = titleOf(place.value);
  });
}

/** Tells tabs and the entries of the history apart. */
function titleOf({ view, target: selected }: Place): string {
  const name = selected && formatTarget(selected).replace(/^\w+:/, '');
  return [...(name === undefined ? [] : [visibleMiddle(name, 60)]), VIEW_TITLES[view], 'muse-bus'].join(' · ');
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
