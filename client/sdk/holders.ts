import type { AddressContext, LeaseForm } from '../../protocol/index.js';
import { ANY_TEXT, FLAG, TEXT, TEXTS, type OptionTable } from './option-table.js';

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

export const HOLDERS_OPTIONS: OptionTable<HoldersOptions> = {
  branch: TEXT,
  roots: TEXTS,
  workingDirectory: ANY_TEXT,
  isWindows: FLAG,
};

/** All leases are asked for, not those of an address: what an address depends on has no meaning here. */
export const LEASES_OPTIONS: OptionTable<Pick<HoldersOptions, 'branch'>> = { branch: HOLDERS_OPTIONS.branch };
