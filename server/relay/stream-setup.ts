import type { StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { Nats } from './nats.js';
import type { RelayNames } from './relay-names.js';
import type { StreamLimits } from '../config/relay-options.js';

const STREAM_NOT_FOUND = 10_059;
const NANOSECONDS = 1e6;

/** @returns what JetStream says of the stream; `undefined` where there is none. */
export async function findStream({ manager }: Nats, { stream }: RelayNames): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (codeOf(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

/** Makes the stream, or brings its limits to what they should be. */
export async function ensureStream(nats: Nats, names: RelayNames, limits: StreamLimits): Promise<StreamInfo> {
  const found = await findStream(nats, names);
  const wanted = configOf(names, limits);
  if (!found) return nats.manager.streams.add({ name: names.stream, ...wanted });
  const isSame = Object.entries(wanted).every(
    ([name, value]) => JSON.stringify(found.config[name as keyof StreamConfig]) === JSON.stringify(value),
  );
  return isSame ? found : nats.manager.streams.update(names.stream, wanted);
}

function configOf({ all }: RelayNames, { maxMessages, maxBytes, maxAgeMs, replicas }: StreamLimits) {
  return {
    subjects: [all],
    max_msgs: maxMessages,
    max_bytes: maxBytes,
    max_age: maxAgeMs * NANOSECONDS,
    num_replicas: replicas,
    discard: 'old' as const,
    // For what is asked of any server of a cluster, not only of the stream's leader.
    allow_direct: true,
  };
}

/** A message by its sequence, or the last one of a subject; `null` where the stream does not hold it. */
export function findMessage(
  { manager }: Nats,
  { stream }: RelayNames,
  query: { readonly seq: number } | { readonly last_by_subj: string },
): Promise<{ readonly seq: number; readonly data: Uint8Array } | null> {
  return manager.streams.getMessage(stream, query);
}

/** JetStream's number for what went wrong. */
function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}
