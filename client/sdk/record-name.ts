import type { RecordName } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import { readKind } from './kind.js';
import { shown } from './option-table.js';

/** @throws BusError `bad-option`. The server checks the id further and reports its own error. */
export function recordName({ kind, id }: RecordName, call: string): RecordName {
  const known = readKind(kind, call);
  if (typeof id === 'string' && id !== '') return { kind: known, id };
  throw new BusError('bad-option', `${call}: id must be a string that is not empty, got ${shown(id)}`, '');
}
