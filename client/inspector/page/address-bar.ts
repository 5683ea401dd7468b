import { batch, effect } from '@preact/signals';
import { formatTarget, parseTarget } from '../model/target.js';
import { VIEW_NAMES } from '../model/view-name.js';
import { query, showView, target, view } from './state.js';

const TOKEN_KEY = 'muse-bus.token';
const BUS_KEY = 'muse-bus.address';

/** Where the bus is and the token for it. */
export interface BusAddress {
  readonly url: string;
  readonly token: string;
}

/**
 * Takes the token out of the address bar, where it must not stay, and keeps it for this tab only. The page's own server is
 * the bus, unless the page is an extension's: then the address was typed.
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

/** Reads what a person typed or pasted: the address that `serve` prints, or, on the bus's own page, the token alone. */
export function readAddress(text: string): BusAddress | undefined {
  const pasted = /^(?:http|ws)(s?):\/\/([^/#?\s]+)\/?#token=(\S+)$/.exec(text.trim());
  const known = takeAddress();
  const address = pasted
    ? { url: `ws${pasted[1]!}://${pasted[2]!}`, token: decodeURIComponent(pasted[3]!) }
    : { url: known.url, token: text.trim() };
  // The page's policy lets it speak to its own server only.
  if (address.url === '' || address.token === '' || (!isExtension() && address.url !== known.url)) return undefined;
  sessionStorage.setItem(TOKEN_KEY, address.token);
  sessionStorage.setItem(BUS_KEY, address.url);
  return address;
}

export const isExtension = (): boolean => location.protocol === 'chrome-extension:';

/** Keeps view, filter and selection in the address bar, both ways. */
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
