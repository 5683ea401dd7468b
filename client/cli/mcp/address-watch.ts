import { overlap, parseAddress, type Address, type AddressContext, type BusEvent } from '../../../protocol/index.js';
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
    for (const { id, data } of leases.all('reservation')) this.#leases.set(leaseName(id, data), this.#touches(data));
  }

  concerns({ kind, id, data }: BusEvent): boolean {
    if (kind === 'heartbeat' || kind === 'release') {
      const { reservation_id: lease } = data as { readonly reservation_id?: unknown };
      return typeof lease === 'string' && this.#leases.get(lease) === true;
    }
    const touches = this.#touches(data);
    if (kind !== 'reservation') return touches;
    const name = leaseName(id, data);
    // A change of a reservation that used to touch the address counts too.
    const touched = this.#leases.get(name) === true;
    this.#leases.set(name, touches || touched);
    return touches || touched;
  }

  #touches(data: object): boolean {
    const { addresses } = data as { readonly addresses?: unknown };
    if (!Array.isArray(addresses)) return false;
    return addresses.some((spelling: unknown) => {
      const parsed = typeof spelling === 'string' ? parseAddress(spelling) : undefined;
      return parsed?.ok === true && this.#wanted.some((wanted) => overlap(wanted, parsed.address));
    });
  }
}

function leaseName(id: string, data: object): string {
  const { reservation_id: name } = data as { readonly reservation_id?: unknown };
  return typeof name === 'string' ? name : id;
}
