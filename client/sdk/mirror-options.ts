import type { DataOf, FilterInput, Kind, Problem } from '../../protocol/index.js';
import type { AskedBus } from './address-waits.js';
import type { AskOptions } from './ask-options.js';
import type { BusError } from './bus-error.js';
import { CALL, FLAG, milliseconds, SIGNAL, type OptionTable } from './option-table.js';
import type { BusStatus } from './status.js';
import type { SubscribeOptions } from './subscribe-options.js';
import type { Subscription } from './subscription.js';

/** A record of a known kind in a mirror. */
export interface MirrorRecord<K extends Kind> {
  readonly kind: K;
  readonly id: string;
  readonly data: DataOf<K>;
  /** The revision of the record's last event. */
  readonly revision: number;
  /** Why the file cannot be read as a valid record; `undefined` if it can. */
  readonly problem: Problem | undefined;
}

/** The options of a mirror. `signal` and `timeoutMs` bound the wait until the mirror is complete; later `signal` closes the mirror. */
export interface MirrorOptions extends AskOptions {
  /** Whether the mirror also follows all leases, independent of its filter. @default true */
  readonly leases?: boolean | undefined;
  /** Called once, if an error ends the complete mirror. */
  readonly onError?: ((error: BusError) => void) | undefined;
}

export const MIRROR_OPTIONS: OptionTable<MirrorOptions> = {
  signal: SIGNAL,
  timeoutMs: milliseconds,
  leases: FLAG,
  onError: CALL,
};

/** The part of a client that a mirror uses. */
export interface MirrorSource extends AskedBus {
  readonly status: BusStatus;
  serverNow(): number;
  subscribe(filter: FilterInput, options: SubscribeOptions): Subscription;
}
