import {
  EVENT_TYPES,
  kindIndex,
  type Encoding,
  type EventType,
  type Matcher,
  type Observed,
  type Reason,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import { encodeEvent, unprocessable, type EventFields } from './event-encoding.js';
import type { RecordVersion } from './record-version.js';

/** The type of an event that takes a revision, which `snapshot` does not. */
export type ChangeType = Exclude<EventType, 'snapshot'>;

/**
 * How a filter shows an event. `plain`: as it is. `entered`, `left`: as the arrival or departure of the record, if the change
 * brought it into the filter or took it out. `unproven`: the filter threw an error, so the event is sent as it is, with the
 * problem `unprocessable`.
 */
export type View = 'plain' | 'entered' | 'left' | 'unproven';

const VIEWS: readonly View[] = ['plain', 'entered', 'left', 'unproven'];
const ENCODINGS: readonly Encoding[] = ['msgpack', 'json'];

/** One event, encoded at most once for each view and encoding. */
export class StoreEvent {
  readonly #encoded: (Uint8Array | undefined)[] = [];
  /** Whether only the reservation that the record names has changed, and not the record. */
  #isMove: boolean | undefined;
  /** The last error that was thrown while the event was matched or encoded. */
  fault: unknown;

  constructor(
    readonly revision: Revision,
    readonly type: ChangeType,
    readonly time: UnixMillis,
    /** The version before the event; `undefined` for `added`. */
    readonly before: RecordVersion | undefined,
    /** The version after the event; `undefined` for `removed`. For `expired` and `revived` it is the same as `before`. */
    readonly after: RecordVersion | undefined,
    readonly reason?: Reason,
    readonly observed: Observed = 'live',
    /** The lease of the record, or of the reservation that it names, after the event. */
    readonly lease?: WireLease,
  ) {}

  get record(): RecordVersion {
    return (this.after ?? this.before)!;
  }

  /** @returns how a subscription with this filter sees the event; `undefined` if it does not see it. */
  viewFor(matcher: Matcher): View | undefined {
    try {
      return this.#viewFor(matcher);
    } catch (error) {
      this.fault = error;
      return 'unproven';
    }
  }

  #viewFor(matcher: Matcher): View | undefined {
    const { before, after } = this;
    const was = before !== undefined && matcher.matches(before.matchable);
    const is = after === before ? was : after !== undefined && matcher.matches(after.matchable);
    const view = this.#view(was, is);
    return view !== undefined && matcher.wants(this.typeIn(view)) ? view : undefined;
  }

  #view(was: boolean, is: boolean): View | undefined {
    switch (this.type) {
      case 'removed':
        return was ? 'plain' : undefined;
      case 'added':
      case 'expired':
      case 'revived':
        return is ? 'plain' : undefined;
      case 'modified':
        // If only the named reservation has changed, the event is sent only to filters that the record enters or leaves.
        if (was) return !is ? 'left' : this.#movesOnly ? undefined : 'plain';
        return is ? 'entered' : undefined;
    }
  }

  get #movesOnly(): boolean {
    return (this.#isMove ??= this.after!.differsOnlyInFollowed(this.before!));
  }

  /** Returns the event's type in a view. */
  typeIn(view: View): ChangeType {
    return view === 'entered' ? 'added' : view === 'left' ? 'removed' : this.type;
  }

  /** Returns the event's fields in a view. */
  fieldsIn(view: View): EventFields {
    const shown = view === 'left' ? this.before! : this.record;
    return {
      revision: this.revision,
      type: EVENT_TYPES.indexOf(this.typeIn(view)),
      kind: kindIndex(shown.kind),
      timeMs: this.time,
      record: shown,
      reason: view === 'left' ? 'left-filter' : this.reason,
      problem: view === 'unproven' ? 'unprocessable' : (view === 'left' ? this.before : this.after)?.problem,
      observed: this.observed === 'restart' ? 'restart' : undefined,
      lease: this.lease,
    };
  }

  /** Returns the bytes of the event in a view and an encoding. They are made at first use and shared after that. */
  encoded(view: View, encoding: Encoding): Uint8Array {
    const slot = VIEWS.indexOf(view) * ENCODINGS.length + ENCODINGS.indexOf(encoding);
    return (this.#encoded[slot] ??= this.#encode(view, encoding));
  }

  #encode(view: View, encoding: Encoding): Uint8Array {
    const fields = this.fieldsIn(view);
    try {
      return encodeEvent(fields, encoding);
    } catch (error) {
      this.fault = error;
      return encodeEvent(unprocessable(fields), encoding);
    }
  }

  /** The bytes that the event keeps in memory, approximately. They count against the bound of the history. */
  get weight(): number {
    return 256 + 2 * this.record.packed.length;
  }
}
