import { parseQuery, type Address, type AddressContext } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import { shown } from './option-table.js';

/**
 * Parses an address in any accepted spelling: a file, a symbol, a directory or a pattern.
 * @returns every address that the text can mean.
 * @throws BusError `bad-option` if the text is no address.
 */
export function readAddresses(spelling: string, context?: AddressContext): readonly Address[] {
  const hint = 'name a file or a symbol, src/billing.py::compute_total';
  // A program without types may give anything.
  if (typeof spelling !== 'string')
    throw new BusError('bad-option', `the address is no text: ${shown(spelling)}`, hint);
  const parsed = parseQuery(spelling, context);
  if (parsed.ok) return parsed.addresses;
  throw new BusError('bad-option', parsed.problem.text, hint);
}
