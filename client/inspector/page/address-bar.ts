import { batch, effect } from '@preact/signals';
import { formatTarget, parseTarget } from '../model/target.js';
import { VIEW_NAMES } from '../model/view-name.js';
import { query, showView, target, view } from './state.js';

const TOKEN_KEY = 'muse-bus.token';
const BUS_KEY = 'muse-bus.address';

/** The url of the bus, and its token. */
export interface BusAddress {
  readonly url: string;
  readonly token: string;
}

/**
 * Removes the token from the address bar and keeps it for this tab only. The address of the bus is the server of this page; in the browser
 * extension it is the address that the user has entered.
 */
export function takeAddress(): BusAddress {
  const { hash, protocol, host, pathname, search } = location;
  const token = /[#&]token=([^&]*)/.exec(hash)?.[1];
  if (token !== undefined) {
    sessionStorage.setItem(TOKEN_KEY, decodeURIComponent(token));
    const rest = hash
      .slice(1)
      .replace(/(^|&)token=[^&]*/, '')
      .replace(/^&/, '');
    history.replaceState(null, '', pathname + search + (rest === '' ? '' : `#${rest}`));
  }
  const own = protocol === 'https:' ? `wss://${host}` : `ws://${host}`;
  const url = isExtension() ? (sessionStorage.getItem(BUS_KEY) ?? '') : own;
  return { url, token: sessionStorage.getItem(TOKEN_KEY) ?? '' };
}

/** Reads the address that the user entered: the one that `serve` prints or, on a page that the bus serves, only the token. */
export function readAddress(text: string): BusAddress | undefined {
  const pasted = /^(?:http|ws)(s?):\/\/([^/#?\s]+)\/?#token=(\S+)$/.exec(text.trim());
  const known = takeAddress();
  const address = pasted
    ? { url: `ws${pasted[1]!}://${pasted[2]!}`, token: decodeURIComponent(pasted[3]!) }
    : { url: known.url, token: text.trim() };
  // The page's security policy allows connections to its own server only.
  if (address.url === '' || address.token === '' || (!isExtension() && address.url !== known.url)) return undefined;
  sessionStorage.setItem(TOKEN_KEY, address.token);
  sessionStorage.setItem(BUS_KEY, address.url);
  return address;
}

export const isExtension = (): boolean => location.protocol === 'chrome-extension:';

/** Keeps the address bar equal to view, filter and selection, in both directions. */
export function startAddressBar(): void {
  readHash();
  addEventListener('hashchange', readHash);
  effect(() => {
    const hash = formatHash();
    if (location.hash !== hash) history.replaceState(null, '', hash);
  });
}

function formatHash(): string {
  const parameters = new URLSearchParams();
  if (query.value !== '') parameters.set('q', query.value);
  if (target.value) parameters.set('sel', formatTarget(target.value));
  const text = parameters.toString();
  return `#/${view.value}${text === '' ? '' : `?${text}`}`;
}

function readHash(): void {
  const match = /^#\/([a-z]+)(?:\?(.*))?$/s.exec(location.hash);
  const name = VIEW_NAMES.find((known) => known === match?.[1]);
  if (!name) return;
  const parameters = new URLSearchParams(match?.[2] ?? '');
  batch(() => {
    showView(name);
    query.value = parameters.get('q') ?? '';
    target.value = parseTarget(parameters.get('sel') ?? '');
  });
}
