import type {
  Delivery,
  FeedStart,
  MessageQuery,
  Receipt,
  StoredMessage,
  StreamInfo,
  StreamSpec,
} from '../../../server/relay/broker.js';

/** How long a stream remembers the ids of its messages, to find duplicates. */
const DUPLICATES_MS = 120_000;
/** The bytes that a message takes in the store besides its subject and data. */
const RECORD_BYTES = 30;

export interface Append {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly expectedLast?: number | undefined;
  readonly messageId?: string | undefined;
  readonly expectedLastId?: string | undefined;
}

export interface Stored extends StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly messageId: string | undefined;
  readonly atMs: number;
  readonly bytes: number;
}

/** Counts streams: no two are the same, whatever their name. */
let streams = 0;

/** A stream as in JetStream: ordered, bounded by its limits, the oldest messages discarded first. */
export class SimulatedStream {
  /** In ascending order of their sequences. */
  #messages: Stored[] = [];
  #lastSequence = 0;
  #bytes = 0;
  readonly #created = String(++streams);
  readonly #ids = new Map<string, Stored>();
  /** Why the stream takes no message of a subject; `undefined` if it does. */
  refuses: (subject: string) => string | undefined = () => undefined;
  /** The largest message that it takes, if an administrator has set a bound. */
  maxMessageBytes: number | undefined;

  constructor(
    public spec: StreamSpec,
    private readonly nowMs: () => number,
  ) {}

  get info(): StreamInfo {
    const first = this.#messages[0];
    const isNew = this.#lastSequence === 0;
    return {
      firstSequence: first?.sequence ?? (isNew ? 0 : this.#lastSequence + 1),
      lastSequence: this.#lastSequence,
      messages: this.#messages.length,
      bytes: this.#bytes,
      created: this.#created,
      maxMessageBytes: this.maxMessageBytes,
    };
  }

  takes(subject: string): boolean {
    return this.spec.subjects.endsWith('>')
      ? subject.startsWith(this.spec.subjects.slice(0, -1))
      : subject === this.spec.subjects;
  }

  append({ subject, payload, expectedLast, messageId, expectedLastId }: Append): Receipt {
    const isTooLarge = payload.length > (this.maxMessageBytes ?? Infinity);
    const refusal = isTooLarge ? 'message size exceeds maximum allowed' : this.refuses(subject);
    if (refusal !== undefined) return { is: 'refused', description: refusal };
    const known = messageId === undefined ? undefined : this.#ids.get(messageId);
    if (known && this.nowMs() - known.atMs < DUPLICATES_MS) return { is: 'stored', sequence: known.sequence };
    if (expectedLast !== undefined && expectedLast !== this.#lastSequence)
      return { is: 'wrong-sequence', description: `wrong last sequence: ${String(this.#lastSequence)}` };
    const lastId = this.#messages.at(-1)?.messageId;
    if (expectedLastId !== undefined && expectedLastId !== lastId)
      return { is: 'wrong-sequence', description: `wrong last msg ID: ${lastId ?? ''}` };
    const message: Stored = {
      sequence: ++this.#lastSequence,
      subject,
      data: Uint8Array.from(payload),
      messageId,
      atMs: this.nowMs(),
      bytes: subject.length + payload.length + RECORD_BYTES,
    };
    this.#messages.push(message);
    this.#bytes += message.bytes;
    if (messageId !== undefined) this.#ids.set(messageId, message);
    this.discard();
    return { is: 'stored', sequence: message.sequence };
  }

  find(query: MessageQuery): Stored | undefined {
    return 'sequence' in query
      ? this.#messages[this.#indexAfter(query.sequence - 1, query.sequence)]
      : this.#messages.findLast(({ subject }) => subject === query.lastOf);
  }

  /** Returns the first message after a sequence, and the number of messages after that one. */
  after(sequence: number): { readonly message: Stored; readonly left: number } | undefined {
    const index = this.#indexAfter(sequence);
    const message = this.#messages[index];
    return message && { message, left: this.#messages.length - index - 1 };
  }

  countAfter(sequence: number): number {
    return this.#messages.length - this.#indexAfter(sequence);
  }

  countDeleted(from: number): number {
    const { firstSequence, lastSequence, messages } = this.info;
    if (messages === 0) return 0;
    const first = Math.max(from, firstSequence);
    return Math.max(0, lastSequence - first + 1 - this.countAfter(first - 1));
  }

  /** Returns the sequence of the last message of each subject. */
  lastOfEach(): number[] {
    const last = new Map<string, number>();
    for (const { subject, sequence } of this.#messages) last.set(subject, sequence);
    return [...last.values()].sort((a, b) => a - b);
  }

  /** Discards the oldest messages beyond the limits. */
  discard(): void {
    const { maxMessages, maxBytes, maxAgeMs } = this.spec.limits;
    const oldest = this.nowMs() - maxAgeMs;
    let count = 0;
    for (let bytes = this.#bytes; count < this.#messages.length; count++) {
      const { atMs, bytes: size } = this.#messages[count]!;
      if (this.#messages.length - count <= maxMessages && bytes <= maxBytes && atMs >= oldest) break;
      bytes -= size;
    }
    if (count > 0) this.#remove(0, count);
  }

  // ── what operators do ─────────────────────────────────────────────────────────────────────────────────────────────

  purge(): void {
    this.#remove(0, this.#messages.length);
  }

  deleteMessage(sequence: number): void {
    const index = this.#indexAfter(sequence - 1, sequence);
    if (index >= 0) this.#remove(index, 1);
  }

  /** Loses the last messages, as a disk does that was not flushed. */
  loseTail(count: number): void {
    this.#remove(Math.max(0, this.#messages.length - count), count);
    this.#lastSequence = this.#messages.at(-1)?.sequence ?? this.#lastSequence;
    this.restart();
  }

  /** Restores the known ids from the stored messages, as a restarted server does. */
  restart(): void {
    this.#ids.clear();
    for (const message of this.#messages)
      if (message.messageId !== undefined) this.#ids.set(message.messageId, message);
  }

  #remove(index: number, count: number): void {
    for (const { bytes } of this.#messages.splice(index, count)) this.#bytes -= bytes;
  }

  /** Returns the index of the first message after a sequence; −1 if the wanted message does not exist. */
  #indexAfter(sequence: number, wanted?: number): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#messages[middle]!.sequence > sequence) high = middle;
      else low = middle + 1;
    }
    return wanted === undefined || this.#messages[low]?.sequence === wanted ? low : -1;
  }
}

/** The position of a consumer in a stream. */
export class StreamCursor {
  /** Messages to deliver first; after them the consumer follows the stream's order. */
  readonly #first: number[] = [];
  #after: number;
  #number = 0;

  constructor(
    private readonly stream: SimulatedStream,
    start: FeedStart,
  ) {
    if (start === 'last-per-subject') {
      this.#first = stream.lastOfEach();
      this.#after = stream.info.lastSequence;
    } else this.#after = start.from - 1;
  }

  next(): Delivery | undefined {
    for (let sequence = this.#first.shift(); sequence !== undefined; sequence = this.#first.shift()) {
      const found = this.stream.find({ sequence });
      if (found) return this.#deliver(found, this.#first.length + this.stream.countAfter(this.#after));
    }
    const next = this.stream.after(this.#after);
    if (!next) return undefined;
    this.#after = next.message.sequence;
    return this.#deliver(next.message, next.left);
  }

  #deliver({ sequence, subject, data }: Stored, pending: number): Delivery {
    return { sequence, number: ++this.#number, subject, pending, data };
  }
}
