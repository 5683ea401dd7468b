import {
  formatCursor,
  kindIndex,
  revision,
  type Epoch,
  type Kind,
  type RecordName,
  type Revision,
} from '../../protocol/index.js';
import type { History } from '../store/history.js';
import type { StoreEvent } from '../store/store-event.js';
import type { CurrentRecords } from '../store/current-records.js';
import { cutEvent, cutVersion, withoutBefore } from './cut-record.js';
import { encodeEventMessage, encodeMark, encodeStandingMessage, type Stamp } from './relay-message.js';
import type { RelayNames } from './relay-names.js';

/** The source of what is published: the records and their history. */
export interface Published {
  readonly epoch: Epoch;
  readonly store: CurrentRecords;
  readonly history: History;
}

/** The position of a stream, as its last message gives it, and its base. */
export interface StreamPosition {
  readonly epoch: Epoch;
  readonly revision: Revision;
  /** The sequence at which the current base begins; `undefined` if there is no complete base. */
  readonly baseFrom: number | undefined;
}

/** Events that NATS does not have yet. */
export interface Waiting {
  readonly behind: number;
  readonly oldest: StoreEvent | undefined;
}

/** Returns the events that a stream in this position does not have: all of the history, if it is of another epoch or elsewhere. */
export function waitingIn({ history, epoch }: Published, position: StreamPosition | undefined): Waiting {
  const { epoch: of, revision: at = 0 } = position ?? {};
  const isOn = of === epoch && at >= history.base && !history.isLost(at);
  const from = isOn ? revision(Math.min(at, history.newest)) : history.base;
  return { behind: history.countAfter(from), oldest: history.after(from) };
}

export interface Outgoing {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Identifies the message to the stream, which stores it only once; `undefined` for a message that may be sent again. */
  readonly messageId: string | undefined;
  /** The position of the stream once it holds the message. */
  readonly position: StreamPosition;
  /** The record that it tells the current version of, and whether its data did not fit and was left out. */
  readonly record?: RecordName & { readonly isCut: boolean };
}

interface Base {
  readonly from: number;
  readonly names: readonly (readonly [kind: Kind, id: string])[];
  next: number;
}

/**
 * Decides what to send next. Events come first, in order; each is read from the history when it is its turn. If a base is due and no event
 * waits, the current records are sent one by one, each in its state at that sequence of the stream. Pure.
 */
export class Outbox {
  #position: StreamPosition | undefined;
  #base: Base | undefined;
  #isBaseWanted = false;

  constructor(
    private readonly names: RelayNames,
    private readonly origin: string,
    private readonly source: Published,
    position: StreamPosition | undefined,
    /** The most bytes of a message. The data of a record that does not fit is left out. */
    private readonly mostBytes: () => number = () => Infinity,
  ) {
    this.#position = position;
    this.#isBaseWanted = position?.baseFrom === undefined;
  }

  /** The last revision that `next` has returned. */
  get revision(): Revision | undefined {
    return this.#position?.revision;
  }

  /** The sequence at which the base begins that is being sent, or else the current one. */
  get baseFrom(): number | undefined {
    return this.#base?.from ?? this.#position?.baseFrom;
  }

  isSendingBase(): boolean {
    return this.#base !== undefined;
  }

  /** Asks for a new base, so that records do not depend on messages that the stream deletes soon. */
  wantBase(): void {
    this.#isBaseWanted = true;
  }

  /** @param sequence the sequence that the message will have. @returns `undefined` if nothing is to be sent. */
  next(sequence: number): Outgoing | undefined {
    const { history } = this.source;
    const why = this.#whyNotOn();
    if (why !== undefined) return this.#restart(sequence, why);
    const position = this.#position!;
    if (position.revision < history.newest) return this.#skip() ?? this.#event();
    if (!this.#base && this.#isBaseWanted) this.#begin(sequence);
    return this.#base ? this.#standing(this.#base) : undefined;
  }

  /** The reason why the stream cannot continue with the next event; `undefined` if it can. */
  #whyNotOn(): string | undefined {
    const { epoch, history } = this.source;
    const position = this.#position;
    if (!position) return 'the stream holds nothing that this origin can go on from';
    if (position.epoch !== epoch) return 'a new epoch';
    if (position.revision < history.base) return 'history does not reach back to what was published last';
    if (history.isLost(position.revision)) return 'what followed what was published last is lost';
    return position.revision > history.newest ? 'the stream is ahead of its origin' : undefined;
  }

  #restart(sequence: number, why: string): Outgoing {
    const { epoch, history } = this.source;
    this.#position = { epoch, revision: history.newest, baseFrom: undefined };
    this.#begin(sequence);
    return this.#mark(encodeMark(this.#stamp(), { is: 'base', phase: 'begin', why }));
  }

  #begin(sequence: number): void {
    const names = this.source.store.cut().versions.map(({ kind, id }) => [kind, id] as const);
    this.#base = { from: sequence, names, next: 0 };
    this.#isBaseWanted = false;
  }

  /** Passes over revisions of which nothing is known. @returns `undefined` if the next one is that of an event. */
  #skip(): Outgoing | undefined {
    const gap = this.source.history.gapAfter(this.#position!.revision);
    if (!gap) return undefined;
    this.#position = { ...this.#position!, revision: gap.to };
    const payload = encodeMark(this.#stamp(), { is: 'skip', after: gap.after });
    return { subject: this.names.skip, payload, messageId: undefined, position: this.#position };
  }

  #event(): Outgoing {
    const { epoch, history } = this.source;
    const event = history.at(this.#position!.revision + 1);
    this.#position = { ...this.#position!, revision: event.revision };
    const { kind, id } = event.record;
    const encode = (shown: StoreEvent): Uint8Array => encodeEventMessage({ origin: this.origin, epoch }, shown);
    return {
      ...this.#fitting({ kind, id }, [
        () => encode(event),
        () => encode(withoutBefore(event)),
        () => encode(cutEvent(event)),
      ]),
      messageId: formatCursor({ epoch, revision: event.revision }),
      position: this.#position,
    };
  }

  #standing(base: Base): Outgoing {
    while (base.next < base.names.length) {
      const [kind, id] = base.names[base.next++]!;
      // The current version: the stream has every event up to now. A record that was removed meanwhile has its own message.
      const version = this.source.store.get(kind, id);
      if (!version) continue;
      const fitting = this.#fitting({ kind, id }, [
        () => encodeStandingMessage(this.#stamp(), version),
        () => encodeStandingMessage(this.#stamp(), cutVersion(version)),
      ]);
      return { ...fitting, messageId: undefined, position: this.#position! };
    }
    this.#base = undefined;
    this.#position = { ...this.#position!, baseFrom: base.from };
    const records = base.names.length;
    return this.#mark(encodeMark(this.#stamp(), { is: 'base', phase: 'end', from: base.from, records }));
  }

  /** @param encodings from the whole to the one without the record's data, which is sent if no other fits. */
  #fitting(
    { kind, id }: RecordName,
    encodings: readonly (() => Uint8Array)[],
  ): Pick<Outgoing, 'subject' | 'payload' | 'record'> {
    const last = encodings.length - 1;
    let payload = encodings[0]!();
    let used = 0;
    while (payload.length > this.mostBytes() && used < last) payload = encodings[++used]!();
    return { subject: this.names.record(kindIndex(kind), id), payload, record: { kind, id, isCut: used === last } };
  }

  #mark(payload: Uint8Array): Outgoing {
    return { subject: this.names.base, payload, messageId: undefined, position: this.#position! };
  }

  #stamp(): Stamp {
    const { epoch, revision } = this.#position!;
    return { origin: this.origin, epoch, position: revision };
  }
}
