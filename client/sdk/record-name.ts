import { closestMatch, kindFromName, KINDS, type Kind, type RecordName } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import { shown } from './option-table.js';

/**
 * Reads a kind by its name or that of its directory: a program without types may write anything.
 * @param call the call, for the error. @throws BusError `bad-option`, with the closest kind.
 */
export function readKind(kind: unknown, call: string): Kind {
  const known = typeof kind === 'string' ? kindFromName(kind) : undefined;
  if (known !== undefined) return known;
  const best = typeof kind === 'string' ? closestMatch(kind, KINDS) : undefined;
  const hint = best === undefined ? `kinds are ${KINDS.join(', ')}` : `did you mean ${best}?`;
  throw new BusError('bad-option', `${call}: ${shown(kind)} is no kind; ${hint}`, hint);
}

/** @throws BusError `bad-option`. The server checks the id further and reports its own error. */
export function recordName({ kind, id }: RecordName, call: string): RecordName {
  const known = readKind(kind, call);
  if (typeof id === 'string' && id !== '') return { kind: known, id };
  throw new BusError('bad-option', `${call}: id must be a string that is not empty, got ${shown(id)}`, '');
}
