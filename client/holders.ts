import type { AddressContext, LeaseForm } from '../protocol/index.js';

/** Who holds an address, and until when: a lease as every surface writes it. */
export type Holder = LeaseForm;

/** Who holds an address. `unknown`: nobody is known to, and that proves nothing. */
export interface AddressHolding {
  readonly free: 'yes' | 'no' | 'unknown';
  readonly holders: readonly Holder[];
}

export interface HoldersOptions extends AddressContext {
  /** Only leases on this branch, by its short or full name; a lease that names none counts. Without it, on any. */
  readonly branch?: string | undefined;
}
