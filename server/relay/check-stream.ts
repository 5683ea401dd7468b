import type { Broker, StreamInfo } from './broker.js';
import type { RelayNames } from './relay-names.js';

/** What has become of a stream since its origin wrote the last message. */
export type StreamCheck =
  | { readonly is: 'intact'; readonly maxMessageBytes: number | undefined }
  /** Messages of the base are gone, so that no edge can begin with it. */
  | { readonly is: 'incomplete'; readonly maxMessageBytes: number | undefined }
  | { readonly is: 'changed'; readonly why: 'sequence' | 'refused'; readonly message: string }
  /** The broker does not answer. The next message, or the connection, tells that. */
  | { readonly is: 'unknown' };

/**
 * Looks whether a stream is as its origin has left it: its settings, its last message, and every message of its base.
 * @param last the sequence of the origin's last message.
 */
export async function checkStream(
  broker: Broker,
  names: RelayNames,
  last: number,
  baseFrom: number | undefined,
): Promise<StreamCheck> {
  try {
    const info = await broker.findStream(names.stream);
    if (!info) return { is: 'changed', why: 'sequence', message: 'the stream is gone' };
    if (info.lastSequence !== last) {
      return { is: 'changed', why: 'sequence', message: 'another process has written to the stream' };
    }
    if (info.unfit !== undefined) {
      return { is: 'changed', why: 'refused', message: `the settings of the stream were changed: ${info.unfit}` };
    }
    const { maxMessageBytes } = info;
    return { is: (await isComplete(broker, names, info, baseFrom)) ? 'intact' : 'incomplete', maxMessageBytes };
  } catch {
    return { is: 'unknown' };
  }
}

async function isComplete(
  broker: Broker,
  { stream }: RelayNames,
  { firstSequence, lastSequence, messages }: StreamInfo,
  baseFrom: number | undefined,
): Promise<boolean> {
  // A base that is being sent is complete when it ends.
  if (baseFrom === undefined) return true;
  if (baseFrom < firstSequence) return false;
  // Only a stream with holes is asked for each of them.
  if (messages === lastSequence - firstSequence + 1) return true;
  return (await broker.countDeleted(stream, baseFrom)) === 0;
}
