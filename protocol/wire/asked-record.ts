import { quote, type FilterLimits } from '../filter/filter.js';
import { KINDS, kindFromName } from '../records/kinds.js';
import { recordIdFault, recordIdFaultText } from '../records/record-id.js';
import type { RecordName } from '../records/record-name.js';
import { ProtocolError } from './errors.js';

/** @param call the request, for the error. @throws ProtocolError `bad-option` if no record can have this name. */
export function readAskedRecord(call: string, kind: unknown, id: unknown, { maxIdBytes }: FilterLimits): RecordName {
  const known = typeof kind === 'string' ? kindFromName(kind) : undefined;
  if (!known) throw new ProtocolError('bad-option', `${call}: kind must be one of ${KINDS.join(', ')}`);
  if (typeof id !== 'string') throw new ProtocolError('bad-option', `${call}: id must be a string`);
  const fault = recordIdFault(id, maxIdBytes);
  if (fault === undefined) return { kind: known, id };
  const text = `${call}: the id ${quote(id)} ${recordIdFaultText(fault, maxIdBytes)}`;
  throw new ProtocolError('bad-option', text);
}
