import { quote, type FilterLimits } from '../filter/filter.js';
import { KINDS, kindFromName, type Kind } from '../records/kinds.js';
import { recordIdFault, recordIdFaultText } from '../records/record-id.js';
import { ProtocolError } from './errors.js';

/** The record that a request names. */
export interface AskedRecord {
  readonly kind: Kind;
  readonly id: string;
}

/** @param call the request, for the error. @throws ProtocolError `bad-option` if no record can have this name. */
export function readAskedRecord(call: string, kind: unknown, id: unknown, { maxIdBytes }: FilterLimits): AskedRecord {
  const known = typeof kind === 'string' ? kindFromName(kind) : undefined;
  if (!known) throw new ProtocolError('bad-option', `${call}: kind must be one of ${KINDS.join(', ')}`);
  if (typeof id !== 'string') throw new ProtocolError('bad-option', `${call}: id must be a string`);
  const fault = recordIdFault(id, maxIdBytes);
  if (fault === undefined) return { kind: known, id };
  const text = `${call}: the id ${quote(id)} ${recordIdFaultText(fault, maxIdBytes)}`;
  throw new ProtocolError('bad-option', text);
}
