import { closestMatch, kindFromName, KINDS, type Kind } from '../../protocol/index.js';
import { BusError } from './bus-error.js';

/** A kind by its name or that of its directory: a program without types may write anything. @throws BusError `bad-option` */
export function readKind<K extends Kind>(name: K): K {
  const kind = kindFromName(name);
  if (kind !== undefined) return kind as K;
  const best = closestMatch(name, KINDS);
  const hint = best === undefined ? `kinds are ${KINDS.join(', ')}` : `did you mean ${best}?`;
  throw new BusError('bad-option', `${JSON.stringify(name)} is no kind; ${hint}`, hint);
}
