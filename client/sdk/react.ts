/** Hooks for React 18 and later: what a component shows is one state of one mirror, and never half of a change. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { FilterInput } from '../../protocol/index.js';
import type { BusClient } from './bus-client.js';
import type { AddressHolding, HoldersOptions } from './holders.js';
import type { MirrorOptions } from './mirror-options.js';
import { LEASE_KINDS } from './mirror-plan.js';
import type { Mirror } from './mirror.js';

/** A mirror in a component. */
export type MirrorView =
  | { readonly state: 'opening' }
  /** `version` grows with every change; what depends on the mirror depends on it. */
  | { readonly state: 'open'; readonly mirror: Mirror; readonly version: number }
  | { readonly state: 'failed'; readonly error: Error };

export type UseMirrorOptions = Pick<MirrorOptions, 'leases' | 'timeoutMs'>;

type Opened = Exclude<MirrorView, { readonly state: 'open' }> | { readonly state: 'open'; readonly mirror: Mirror };

const OPENING = { state: 'opening' } as const;
const NEVER = (): (() => void) => () => undefined;

/**
 * A mirror of the bus for as long as the component is shown; another one where bus, filter or options change, by their content.
 * @param bus `undefined` until there is one.
 */
export function useMirror(
  bus: Pick<BusClient, 'mirror'> | undefined,
  filter: FilterInput = {},
  options: UseMirrorOptions = {},
): MirrorView {
  const asked = JSON.stringify([filter, options]);
  const [opened, setOpened] = useState<{ readonly of: unknown; readonly asked: string; readonly is: Opened }>();
  useEffect(() => {
    if (!bus) return;
    const end = new AbortController();
    const show = (is: Opened): void => {
      if (!end.signal.aborted) setOpened({ of: bus, asked, is });
    };
    const [wanted, how] = JSON.parse(asked) as [FilterInput, UseMirrorOptions];
    const onError = (error: Error): void => {
      show({ state: 'failed', error });
    };
    // A filter that is refused is refused at once; the signal closes the mirror, open or not.
    Promise.resolve()
      .then(() => bus.mirror(wanted, { ...how, signal: end.signal, onError }))
      .then(
        (mirror) => {
          show({ state: 'open', mirror });
        },
        (error: unknown) => {
          show({ state: 'failed', error: error instanceof Error ? error : new Error(String(error)) });
        },
      );
    return () => {
      end.abort();
    };
  }, [bus, asked]);
  // What was opened for another question is not an answer to this one.
  const current = opened && opened.of === bus && opened.asked === asked ? opened.is : OPENING;
  const mirror = current.state === 'open' ? current.mirror : undefined;
  const read = (): number => mirror?.version ?? 0;
  const version = useSyncExternalStore(mirror?.subscribe ?? NEVER, read, read);
  return useMemo(() => (current.state === 'open' ? { ...current, version } : current), [current, version]);
}

const UNKNOWN: AddressHolding = { free: 'unknown', holders: [] };
const UNKNOWN_TEXT = JSON.stringify(UNKNOWN);

/**
 * Who holds an address, and whether it is free; `unknown` until that is known, and while the bus cannot say. Renders again at
 * every change of it: of a lease, of the connection, and when a lease lapses.
 * @param source a mirror, to have it of the same state as what else is shown of that; or a bus.
 */
export function useHolders(
  source: Mirror | Pick<BusClient, 'mirror'> | undefined,
  address: string,
  options: HoldersOptions = {},
): AddressHolding {
  const given = source !== undefined && 'watchHolding' in source ? source : undefined;
  const own = useMirror(given ? undefined : (source as Pick<BusClient, 'mirror'> | undefined), LEASES);
  const mirror = given ?? (own.state === 'open' ? own.mirror : undefined);
  const asked = JSON.stringify(options);
  const subscribe = useCallback(
    (changed: () => void) =>
      mirror?.watchHolding(address, JSON.parse(asked) as HoldersOptions, changed) ?? (() => undefined),
    [mirror, address, asked],
  );
  // As text: what is equal is not shown again.
  const read = (): string => (mirror ? JSON.stringify(mirror.holding(address, options)) : UNKNOWN_TEXT);
  const text = useSyncExternalStore(subscribe, read, () => UNKNOWN_TEXT);
  return useMemo(() => JSON.parse(text) as AddressHolding, [text]);
}

const LEASES: FilterInput = { kinds: LEASE_KINDS };
