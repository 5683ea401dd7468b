import { parseQuery, type Address, type AddressContext } from '../../protocol/index.js';
import { BusError } from './bus-error.js';

/**
 * What a person or a program means by an address: a file, a symbol, a directory or a pattern, in any spelling.
 * @throws BusError `bad-option` where it can be none.
 */
export function readAddresses(spelling: string, context?: AddressContext): readonly Address[] {
  const parsed = parseQuery(spelling, context);
  if (parsed.ok) return parsed.addresses;
  throw new BusError('bad-option', parsed.problem.text, 'name a file or a symbol, src/billing.py::compute_total');
}
