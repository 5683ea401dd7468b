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

/** A transition that takes a revision; `snapshot` is none. */
export type ChangeType = Exclude<EventType, 'snapshot'>;

/**
 * How a transition looks through a filter: as it is, or as the arrival or departure of the record, where the change
 * brought it into the filter or took it out. `unproven`: whether it matches could not be found out, so that it is shown as it
 * is, with the problem `unprocessable`.
 */
export type View = 'plain' | 'entered' | 'left' | 'unproven';

const VIEWS: readonly View[] = ['plain', 'entered', 'left', 'unproven'];
const ENCODINGS: readonly Encoding[] = ['msgpack', 'json'];

/** One observed transition, encoded at most once for each way in which it can be seen. */
export class StoreEvent {
  readonly #encoded: (Uint8Array | undefined)[] = [];
  /** Whether nothing of the record has changed but the reservation that it names. */
  #isMove: boolean | undefined;
  /** What was thrown last while the event was matched or encoded. */
  fault: unknown;

  constructor(
    readonly revision: Revision,
    readonly type: ChangeType,
    readonly time: UnixMillis,
    /** The state that the transition replaced; `undefined` for `added`. */
    readonly before: RecordVersion | undefined,
    /** The state that stands now; `undefined` for `removed`. For `expired` and `revived` it is the same as `before`. */
    readonly after: RecordVersion | undefined,
    readonly reason?: Reason,
    readonly observed: Observed = 'live',
    /** The lease that the record is, or is about, as the transition left it. */
    readonly lease?: WireLease,
  ) {}

  get record(): RecordVersion {
    return (this.after ?? this.before)!;
  }

  /** @returns how a subscription with this filter sees the transition; `undefined` where it does not. */
  viewFor(matcher: Matcher): View | undefined {
    try {
      return this.#viewFor(matcher);
    } catch (error) {
      this.fault = error;
      return 'unproven';
    }
  }

  #viewFor(matcher: Matcher): View | undefined {
    const was = this.before !== undefined && matcher.matches(this.before.matchable);
    const is =
      this.after === undefined ? false : this.after === this.before ? was : matcher.matches(this.after.matchable);
    const view = this.#view(was, is);
    return view !== undefined && matcher.wants(this.typeIn(view)) ? view : undefined;
  }

  #view(was: boolean, is: boolean): View | undefined {
    switch (this.type) {
      case 'added':
        return is ? 'plain' : undefined;
      case 'removed':
        return was ? 'plain' : undefined;
      case 'expired':
      case 'revived':
        return is ? 'plain' : undefined;
      case 'modified':
        // The record is as it was: only those are told for whom it comes or goes.
        if (was) return !is ? 'left' : this.#movesOnly ? undefined : 'plain';
        return is ? 'entered' : undefined;
    }
  }

  get #movesOnly(): boolean {
    return (this.#isMove ??= this.after!.differsOnlyInFollowed(this.before!));
  }

  /** The event's type as it looks in a view. */
  typeIn(view: View): ChangeType {
    return view === 'entered' ? 'added' : view === 'left' ? 'removed' : this.type;
  }

  /** The event's fields as they look in a view. */
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

  /** The bytes of the event in a view and an encoding: made on first use, then shared by all. */
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

  /** Bytes that the event holds on to, roughly: what bounds the history. */
  get weight(): number {
    return 256 + 2 * this.record.packed.length;
  }
}
