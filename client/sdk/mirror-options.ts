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
  /** Of its last transition. */
  readonly revision: number;
  readonly problem: Problem | undefined;
}

/** `signal` and `timeoutMs` bound the wait until the mirror is complete; the signal closes it later, too. */
export interface MirrorOptions extends AskOptions {
  /** Whether it follows who holds what, whatever its filter lets through. @default true */
  readonly leases?: boolean | undefined;
  /** Told once, where an error has ended the mirror. */
  readonly onError?: ((error: BusError) => void) | undefined;
}

export const MIRROR_OPTIONS: OptionTable<MirrorOptions> = {
  signal: SIGNAL,
  timeoutMs: milliseconds,
  leases: FLAG,
  onError: CALL,
};

/** What a mirror asks of its client. */
export interface MirrorSource extends AskedBus {
  readonly status: BusStatus;
  serverNow(): number;
  subscribe(filter: FilterInput, options: SubscribeOptions): Subscription;
}
