import {
  addressTexts,
  leaseNameOf,
  overlap,
  parseAddress,
  type Address,
  type AddressContext,
  type BusEvent,
  type RecordData,
} from '../../../protocol/index.js';
import { readAddresses } from '../../sdk/address.js';
import type { Mirror } from '../../sdk/mirror.js';

interface KnownLease {
  /** Whether the reservation touches the address, or has touched it. */
  readonly touches: boolean;
  /** The revision of the record that this is known of. */
  readonly at: number;
}

/** Selects the changes that concern an address: changes of records and leases on addresses that overlap it. */
export class AddressWatch {
  readonly #wanted: readonly Address[];
  /** What is known of each reservation. The key is the name that heartbeats and releases use for it. */
  readonly #leases = new Map<string, KnownLease>();

  /** @throws BusError `bad-option` for an invalid address. */
  constructor(leases: Mirror, spellings: readonly string[], context: AddressContext) {
    this.#wanted = spellings.flatMap((spelling) => [...readAddresses(spelling, context)]);
    for (const { id, data, revision } of leases.all('reservation'))
      this.#leases.set(leaseNameOf('reservation', id, data)!, { touches: this.#touches(data), at: revision });
  }

  concerns({ kind, id, data, event_type, revision }: BusEvent): boolean {
    if (kind === 'heartbeat' || kind === 'release') {
      const name = leaseNameOf(kind, id, data);
      return name !== undefined && this.#leases.get(name)?.touches === true;
    }
    const touches = this.#touches(data);
    if (kind !== 'reservation') return touches;
    const name = leaseNameOf(kind, id, data)!;
    const known = this.#leases.get(name);
    // A change of a reservation that used to touch the address counts too. Where the events begin before the mirror, nobody knows what it
    // held before.
    const touched = known?.touches === true;
    const mayHaveTouched = event_type === 'modified' && (known === undefined || revision <= known.at);
    this.#leases.set(name, { touches: touches || touched, at: revision });
    return touches || touched || mayHaveTouched;
  }

  #touches(data: RecordData): boolean {
    return addressTexts(data).some((spelling) => {
      const parsed = parseAddress(spelling);
      return parsed.ok && this.#wanted.some((wanted) => overlap(wanted, parsed.address));
    });
  }
}
