import type { RecordName } from '../../protocol/index.js';
import type { Log } from '../runtime/log.js';
import type { Broker } from './broker.js';
import type { Outgoing } from './outbox.js';
import { SEAL_BYTES } from './seal.js';
import { MIN_MESSAGE_BYTES } from './stream-config.js';

/** The part of a message's greatest size that its headers and its signature may take. */
const HEADER_BYTES = 512 + SEAL_BYTES;

/** The largest message that may be sent, and the records whose data did not fit into one. */
export class MessageBound {
  /** The largest message that the stream takes, if it has a bound of its own. */
  #streamBytes = Infinity;
  /** By the subject of their messages. */
  readonly #cut = new Map<string, RecordName>();
  /** What a message could have when a record did not fit the last time. */
  #cutAt = 0;

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
    return this.#cut.size > 0 || this.#brokerBytes < MIN_MESSAGE_BYTES;
  }

  /** Notes the largest message that the stream takes. */
  stream(bytes: number | undefined): void {
    this.#streamBytes = bytes ?? Infinity;
  }

  /** Notes whether the record of a message did not fit. */
  sent({ subject, record }: Outgoing): void {
    if (!record) return;
    this.#cut.delete(subject);
    if (!record.isCut) return;
    const { kind, id } = record;
    this.#cut.set(subject, { kind, id });
    this.#cutAt = this.bytes;
    const bound = this.#streamBytes < this.#brokerBytes ? 'max_msg_size of the stream' : 'max_payload of NATS';
    this.log.error(
      { kind, id, max_bytes: this.bytes },
      `a record does not fit into a message: edges show it as unreadable; raise ${bound}, or lower max_record_bytes`,
    );
  }

  /** Notes a record that did not fit into the message of an earlier process. */
  found(subject: string, record: RecordName): void {
    this.#cut.set(subject, record);
  }

  /** Returns the records that did not fit if larger messages are taken than when the last of them was sent. They are then forgotten. */
  takeFitting(): readonly RecordName[] {
    if (this.#cut.size === 0 || this.bytes <= this.#cutAt) return [];
    const records = [...this.#cut.values()];
    this.#cut.clear();
    return records;
  }
}
