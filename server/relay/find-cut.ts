import { kindIndex } from '../../protocol/index.js';
import type { ClaimServices } from './claim.js';
import type { MessageBound } from './message-bound.js';
import { readStored } from './read-relay-message.js';
import { MIN_MESSAGE_BYTES } from './stream-config.js';

/** A smaller record fits into every message. */
const MIN_CUT_BYTES = MIN_MESSAGE_BYTES / 2;

/** Finds the current records whose data an earlier process has left out of the stream, and notes them. */
export async function findCut({ broker, names, source }: ClaimServices, bound: MessageBound): Promise<void> {
  try {
    for (const { kind, id, packed, problem } of source.store.cut().versions) {
      if (packed.length < MIN_CUT_BYTES || problem === 'unreadable') continue;
      const subject = names.record(kindIndex(kind), id);
      const found = await broker.findMessage(names.stream, { lastOf: subject });
      const message = found && readStored(found, names);
      const told = message?.is === 'event' ? message.after : message?.is === 'standing' ? message.version : undefined;
      if (told?.problem === 'unreadable') bound.found(subject, { kind, id });
    }
  } catch {
    // NATS is lost. The next base tells edges what the records say.
  }
}
