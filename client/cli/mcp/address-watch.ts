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

/** Selects the changes that concern an address: changes of records and leases on addresses that overlap it. */
export class AddressWatch {
  readonly #wanted: readonly Address[];
  /** Whether a reservation touches the address. The key is the name that heartbeats and releases use for the reservation. */
  readonly #leases = new Map<string, boolean>();

  /** @throws BusError `bad-option` for an invalid address. */
  constructor(leases: Mirror, spellings: readonly string[], context: AddressContext) {
    this.#wanted = spellings.flatMap((spelling) => [...readAddresses(spelling, context)]);
    for (const { id, data } of leases.all('reservation'))
      this.#leases.set(leaseNameOf('reservation', id, data)!, this.#touches(data));
  }

  concerns({ kind, id, data }: BusEvent): boolean {
    if (kind === 'heartbeat' || kind === 'release') {
      const name = leaseNameOf(kind, id, data);
      return name !== undefined && this.#leases.get(name) === true;
    }
    const touches = this.#touches(data);
    if (kind !== 'reservation') return touches;
    const name = leaseNameOf(kind, id, data)!;
    // A change of a reservation that used to touch the address counts too.
    const touched = this.#leases.get(name) === true;
    this.#leases.set(name, touches || touched);
    return touches || touched;
  }

  #touches(data: RecordData): boolean {
    return addressTexts(data).some((spelling) => {
      const parsed = parseAddress(spelling);
      return parsed.ok && this.#wanted.some((wanted) => overlap(wanted, parsed.address));
    });
  }
}
