import { revision, type Epoch, type Revision } from '../../protocol/index.js';
import type { StoreEvent } from '../store/store-event.js';
import { eventOf, type RelayMessage } from './relay-message.js';

/** Collects the events of an epoch from the messages of a stream, as far back as each follows the one before. Pure. */
export class Past {
  #events: StoreEvent[] = [];
  #from: Revision | undefined;
  #reached: Revision | undefined;

  constructor(private readonly epoch: Epoch) {}

  /** The events. Where a revision is missing among them or after them, the stream says that nothing is known of it. */
  get events(): readonly StoreEvent[] {
    return this.#events;
  }

  /** The revision before the first event; `undefined` before the first message. */
  get from(): Revision | undefined {
    return this.#from;
  }

  /** The revision that the stream has reached with the last message; `undefined` before the first. */
  get reached(): Revision | undefined {
    return this.#reached;
  }

  /** Takes the next message of the stream. After one that does not follow what was taken before, all begins again. */
  take(message: RelayMessage): void {
    if (message.epoch !== this.epoch) {
      this.#beginAt(undefined);
      return;
    }
    const { position } = message;
    if (message.is === 'claim' || message.is === 'base') this.#forgetBeyond(position);
    if (this.#reached !== undefined && position <= this.#reached) return;
    const before = message.is === 'event' ? revision(position - 1) : message.is === 'skip' ? message.after : position;
    if (before !== this.#reached) this.#beginAt(before);
    if (message.is === 'event') this.#events.push(eventOf(message));
    this.#reached = position;
  }

  /** Where an origin goes on from an earlier revision, it has not written what came after that. */
  #forgetBeyond(position: Revision): void {
    if (this.#reached === undefined || position >= this.#reached) return;
    if (this.#from === undefined || position < this.#from) this.#beginAt(position);
    else {
      this.#events = this.#events.filter((event) => event.revision <= position);
      this.#reached = position;
    }
  }

  #beginAt(position: Revision | undefined): void {
    this.#events = [];
    this.#from = position;
    this.#reached = position;
  }
}
