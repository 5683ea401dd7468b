import { LeaseBook, type UnixMillis } from '../protocol/index.js';
import type { RecordChange, StandingRecord } from './record-view.js';

/** Who holds an address, and until when. */
export interface Holder {
  /** Id of the reservation's record. */
  readonly reservation: string;
  readonly run_id: string | undefined;
  readonly branch: string | undefined;
  readonly addresses: readonly string[];
  /** The effective expiry, ISO 8601 UTC; `undefined` where that is unknown: its file, or one that may prolong it, cannot be read. */
  readonly expires_at: string | undefined;
}

export interface HoldersOptions {
  /** Only reservations on this branch; without it, on any. */
  readonly branch?: string | undefined;
}

/** Which leases stand, by effective expiry. Told of reservations, heartbeats and releases. */
export class LeaseView {
  readonly #book = new LeaseBook();
  readonly #reservations = new Map<string, StandingRecord>();

  take(changes: readonly RecordChange[], now: UnixMillis): void {
    for (const { before, after } of changes) {
      if (after) this.#book.put(after.kind, after.id, after.data, now, after.problem);
      else if (before) this.#book.drop(before.kind, before.id, now);
      if (after?.kind === 'reservation') this.#reservations.set(after.id, after);
      else if (!after && before?.kind === 'reservation') this.#reservations.delete(before.id);
    }
  }

  /** The live reservations that overlap an address, the first to lapse first. */
  holders(address: string, now: UnixMillis, options: HoldersOptions = {}): Holder[] {
    return this.leases(now, options).filter(({ addresses }) => addresses.some((own) => overlaps(own, address)));
  }

  /** All live reservations, the first to lapse first. */
  leases(now: UnixMillis, { branch }: HoldersOptions = {}): Holder[] {
    const held: { readonly until: number; readonly holder: Holder }[] = [];
    for (const { id, data } of this.#reservations.values()) {
      const until = this.#heldUntil(id, now);
      if (until === undefined || (branch !== undefined && data.branch !== branch)) continue;
      const expires_at = until === Infinity ? undefined : new Date(until).toISOString();
      const addresses = addressesOf(data.addresses);
      held.push({
        until,
        holder: { reservation: id, run_id: textOf(data.run_id), branch: textOf(data.branch), addresses, expires_at },
      });
    }
    return held.sort((a, b) => a.until - b.until).map(({ holder }) => holder);
  }

  /** @returns when the lease ends; Infinity where that is unknown; `undefined` where it has ended, or is none. */
  #heldUntil(id: string, now: UnixMillis): number | undefined {
    switch (this.#book.state(id)) {
      case 'unknown':
        // Held for as long as nobody can tell.
        return Infinity;
      case 'active':
      case 'lapsed': {
        const until = this.#book.effectiveExpiry(id);
        return until !== undefined && until > now ? until : undefined;
      }
      case 'released':
      case 'none':
      case undefined:
        return undefined;
    }
  }
}

/** The same address, or one the file that the other's symbol is in. */
export function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}::`) || b.startsWith(`${a}::`);
}

/** Agents write what they like: what the type says is a text need not be one. */
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function addressesOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((address): address is string => typeof address === 'string') : [];
}
