import type { Log } from '../runtime/log.js';
import type { Broker } from './broker.js';
import { SEAL_BYTES } from './seal.js';
import { MIN_MESSAGE_BYTES } from './stream-config.js';

/** The part of a message's greatest size that its headers and its signature may take. */
const HEADER_BYTES = 512 + SEAL_BYTES;

/** The largest message that may be sent, and whether records did not fit into it. */
export class MessageBound {
  /** The largest message that the stream takes, if it has a bound of its own. */
  #streamBytes = Infinity;
  /** What a message could have when a record did not fit the last time. */
  #cutAt: number | undefined;

  constructor(
    private readonly broker: Pick<Broker, 'maxPayloadBytes'>,
    private readonly log: Log,
  ) {}

  /** The bytes that a message may have. */
  get bytes(): number {
    return Math.min(this.#streamBytes, this.#brokerBytes) - HEADER_BYTES;
  }

  get #brokerBytes(): number {
    return this.broker.maxPayloadBytes ?? Infinity;
  }

  /** Whether a record, or everything, is not sent because the broker has said that it accepts no message of its size. */
  get isTooSmall(): boolean {
    return this.#cutAt !== undefined || this.#brokerBytes < MIN_MESSAGE_BYTES;
  }

  /** Whether larger messages are taken than when the last record did not fit. */
  get mayFit(): boolean {
    return this.#cutAt !== undefined && this.bytes > this.#cutAt;
  }

  /** Notes the largest message that the stream takes. */
  stream(bytes: number | undefined): void {
    this.#streamBytes = bytes ?? Infinity;
  }

  /** Notes a record that did not fit. */
  cut(subject: string): void {
    this.#cutAt = this.bytes;
    const bound = this.#streamBytes < this.#brokerBytes ? 'max_msg_size of the stream' : 'max_payload of NATS';
    this.log.error(
      { subject, max_bytes: this.bytes },
      `a record does not fit into a message: edges show it as unreadable; raise ${bound}, or lower max_record_bytes`,
    );
  }

  /** Called when all records are sent again. Those that still do not fit are noted again. */
  forget(): void {
    this.#cutAt = undefined;
  }
}
