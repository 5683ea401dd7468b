import type { StreamConfig } from '@nats-io/jetstream';
import type { StreamLimits } from '../config/relay-options.js';

const NANOSECONDS = 1e6;

/** What a message needs to say of a record at least: all but its data. A stream or a broker that takes less can carry no repository. */
export const MIN_MESSAGE_BYTES = 4_096;

/** The settings that an origin gives its stream. */
export type WantedConfig = ReturnType<typeof streamConfig>;

export function streamConfig(subjects: string, { maxMessages, maxBytes, maxAgeMs, replicas }: StreamLimits) {
  return {
    subjects: [subjects],
    max_msgs: maxMessages,
    max_bytes: maxBytes,
    max_age: maxAgeMs * NANOSECONDS,
    num_replicas: replicas,
    discard: 'old' as const,
    // Lets every server of a cluster answer reads, not only the stream's leader.
    allow_direct: true,
  };
}

/** The settings that an origin leaves as an administrator has made them, unless the relay cannot work with them. */
const REQUIRED: readonly (readonly [keyof StreamConfig, (value: unknown) => boolean, string])[] = [
  // Other retentions delete a message once a consumer has read it, or refuse a second consumer.
  ['retention', (value) => value === undefined || value === 'limits', 'must be "limits"'],
  ['sealed', isOff, 'takes no more messages'],
  ['no_ack', isOff, 'acknowledges nothing'],
  ['max_msgs_per_subject', isUnbounded, 'deletes events that no edge has read'],
  ['max_msg_size', isLargeEnough, `takes no record: at least ${String(MIN_MESSAGE_BYTES)}`],
  ['mirror', isOff, 'takes messages of its own only from another stream'],
  ['sources', isOff, 'mixes the messages of other streams in'],
  ['subject_transform', isOff, 'stores messages under other subjects'],
  ['persist_mode', (value) => value === undefined || value === 'default', 'acknowledges what is not stored'],
];

function isOff(value: unknown): boolean {
  return value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);
}

function isUnbounded(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && value <= 0);
}

function isLargeEnough(value: unknown): boolean {
  return isUnbounded(value) || (typeof value === 'number' && value >= MIN_MESSAGE_BYTES);
}

/** Returns how the settings of a stream differ from what the relay needs; `undefined` if they suit. */
export function streamFault(
  config: Readonly<Partial<Record<keyof StreamConfig, unknown>>>,
  wanted: WantedConfig,
): string | undefined {
  for (const [key, suits, why] of REQUIRED) {
    if (!suits(config[key])) return `${key} is ${JSON.stringify(config[key])}, which ${why}`;
  }
  for (const [key, value] of Object.entries(wanted)) {
    const found = JSON.stringify(config[key as keyof StreamConfig]);
    if (found !== JSON.stringify(value)) return `${key} is ${found} in place of ${JSON.stringify(value)}`;
  }
  return undefined;
}
