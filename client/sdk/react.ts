/** Hooks for React 18 and later. A component shows one state of one mirror, and never half of a change. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { LEASE_KINDS, type FilterInput } from '../../protocol/index.js';
import type { BusClient } from './bus-client.js';
import type { AddressHolding, HoldersOptions } from './holders.js';
import type { MirrorOptions } from './mirror-options.js';
import type { Mirror } from './mirror.js';

/** The state of a mirror in a component. */
export type MirrorView =
  /** There is no bus yet, or the mirror is not complete. */
  | { readonly state: 'opening' }
  /** `version` grows with every change: list it as a dependency of hooks that read the mirror. */
  | { readonly state: 'open'; readonly mirror: Mirror; readonly version: number }
  /** The mirror could not be opened, or an error ended it. */
  | { readonly state: 'failed'; readonly error: Error };

/** The options of a mirror that a component can set; the hook sets the others. */
export type UseMirrorOptions = Pick<MirrorOptions, 'leases' | 'timeoutMs'>;

type Opened = Exclude<MirrorView, { readonly state: 'open' }> | { readonly state: 'open'; readonly mirror: Mirror };

const OPENING = { state: 'opening' } as const;
const NEVER = (): (() => void) => () => undefined;

/**
 * Keeps a mirror of the bus open while the component is mounted. A new mirror is opened when the bus is another object, or when filter or
 * options change by content.
 * @param bus `undefined` until there is one; the state is then `opening`.
 * @returns the state; errors are in it, the hook throws none.
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
    // `bus.mirror` may throw at once for a bad filter: inside `then` that becomes a rejection. The signal closes the mirror, open or not.
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
  // A mirror that was opened for another bus, filter or options is not shown.
  const current = opened && opened.of === bus && opened.asked === asked ? opened.is : OPENING;
  const mirror = current.state === 'open' ? current.mirror : undefined;
  const read = (): number => mirror?.version ?? 0;
  const version = useSyncExternalStore(mirror?.subscribe ?? NEVER, read, read);
  return useMemo(() => (current.state === 'open' ? { ...current, version } : current), [current, version]);
}

const UNKNOWN: AddressHolding = { free: 'unknown', holders: [] };
const UNKNOWN_TEXT = JSON.stringify(UNKNOWN);

/**
 * Returns the holders of an address, and whether it is free. `free` is `unknown` until the mirror is complete and while the bus cannot
 * tell. The component renders again when the result changes: by a lease, by the connection, or because a lease lapses.
 * @param source a mirror, so that the result is of the same state as the other records that the component shows; or a bus.
 * @throws BusError `bad-option` if the text is no address.
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
  // As text, so that an equal result causes no rendering.
  const read = (): string => (mirror ? JSON.stringify(mirror.holding(address, options)) : UNKNOWN_TEXT);
  const text = useSyncExternalStore(subscribe, read, () => UNKNOWN_TEXT);
  return useMemo(() => JSON.parse(text) as AddressHolding, [text]);
}

const LEASES: FilterInput = { kinds: LEASE_KINDS };
