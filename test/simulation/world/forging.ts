import { packMessage, type Revision } from '../../../protocol/index.js';
import { decodeRelayMessage } from '../../../server/relay/read-relay-message.js';
import { encodeEventMessage, eventOf, type RelayMessage } from '../../../server/relay/relay-message.js';
import { StoreEvent } from '../../../server/store/store-event.js';
import type { Append, SimulatedStream } from '../machine/simulated-stream.js';

/** What others may write to a stream, and nobody can read as a message of a relay. */
export const UNREADABLE: readonly Uint8Array[] = [
  Buffer.from('nothing that anybody can read'),
  packMessage(null),
  packMessage([]),
  packMessage([1]),
  packMessage([2, 1, 'x', 'y', 1, 0, 'r']),
  packMessage([1, 99, 'x', 'y', 1]),
  packMessage([1, 1, 'x', 'y', -1, 0, 'r', 0, 0, null, false, null, null, null]),
  packMessage([1, 1, 'x', 'y', 1, 99, 'r', 0, 0, null, false, null, null, null]),
  packMessage([1, 1, 'x', 'y', 1, 0, 'r', 0, 0, null, false, null, null, null]),
  packMessage([1, 2, 'x', 'y', 1, 0, 'r', [1, 1, null, Buffer.from([0xc1])]]),
  packMessage([1, 3, 'x', 'y', 1, { is: 'base', phase: 'end' }]),
];

/** How far back a message is looked for that can be forged. */
const LOOKED_AT = 50;

/** Makes the message that follows: in the words of the origin, that a record was removed. @returns `undefined` if there is none to go by. */
export function forgedRemoval(stream: SimulatedStream): Append | undefined {
  const { firstSequence, lastSequence } = stream.info;
  const last = readAt(stream, lastSequence);
  for (let sequence = lastSequence; sequence >= Math.max(firstSequence, lastSequence - LOOKED_AT); sequence--) {
    const found = stream.find({ sequence });
    const message = readAt(stream, sequence);
    if (!last || !found || message?.is !== 'event' || !message.after) continue;
    const { time, record } = eventOf(message);
    const revision = (last.position + 1) as Revision;
    const removal = new StoreEvent(revision, 'removed', time, record, undefined, 'deleted', 'live', undefined);
    return { subject: found.subject, payload: encodeEventMessage(last, removal) };
  }
  return undefined;
}

function readAt(stream: SimulatedStream, sequence: number): RelayMessage | undefined {
  const found = stream.find({ sequence });
  if (!found) return undefined;
  try {
    return decodeRelayMessage(found.data);
  } catch {
    return undefined;
  }
}
