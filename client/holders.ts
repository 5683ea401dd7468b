import type { AddressContext, LeaseForm } from '../protocol/index.js';

/** Who holds an address, and until when: a lease as every surface writes it. */
export type Holder = LeaseForm;

export interface HoldersOptions extends AddressContext {
  /** Only leases on this branch, by its short or full name; a lease that names none counts. Without it, on any. */
  readonly branch?: string | undefined;
}
