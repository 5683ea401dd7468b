import type { AddressContext, LeaseForm } from '../../protocol/index.js';
import { ANY_TEXT, FLAG, TEXT, TEXTS, type OptionTable } from './option-table.js';

/** A lease on an address, in the form in which the SDK, the command line and MCP all show it. */
export type Holder = LeaseForm;

/** The holders of an address. */
export interface AddressHolding {
  /** `unknown`: no holder is known, but the bus cannot see or read all records that decide. */
  readonly free: 'yes' | 'no' | 'unknown';
  readonly holders: readonly Holder[];
}

/** Which leases count, and how the text of the address is read. */
export interface HoldersOptions extends AddressContext {
  /** Only leases on this branch, by its short or full name; a lease without a branch counts too. @default all branches */
  readonly branch?: string | undefined;
}

export const HOLDERS_OPTIONS: OptionTable<HoldersOptions> = {
  branch: TEXT,
  roots: TEXTS,
  workingDirectory: ANY_TEXT,
  isWindows: FLAG,
};

/** The options of a question about all leases: the options that tell how to read an address do not apply. */
export const LEASES_OPTIONS: OptionTable<Pick<HoldersOptions, 'branch'>> = { branch: HOLDERS_OPTIONS.branch };
