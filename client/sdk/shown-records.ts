import { FollowedFields, type Kind } from '../../protocol/index.js';
import type { MirrorPlan } from './mirror-plan.js';
import type { RecordChange, StandingRecord } from './record-view.js';

/** Decides which of the records that a mirror follows are shown to its user. */
export class ShownRecords {
  /** The fields that heartbeats and releases take over from their reservations, for filters on these fields. */
  readonly #followed = new FollowedFields();

  /** @param shows absent if all records are shown. */
  constructor(
    private readonly shows: MirrorPlan['shows'],
    private readonly get: (kind: Kind, id: string) => StandingRecord | undefined,
  ) {}

  has(record: StandingRecord): boolean {
    return this.shows?.(record, this.#followed.of(record.kind, record.id)) ?? true;
  }

  /** @returns the shown ones of a kind, ordered by id. */
  ofKind(kind: Kind, all: Iterable<StandingRecord>): StandingRecord[] {
    const found = [...all].filter((record) => record.kind === kind && this.has(record));
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** @returns the changes of the shown records. */
  take(changes: readonly RecordChange[]): readonly RecordChange[] {
    const { shows } = this;
    if (!shows) return changes;
    return changes.flatMap(({ before, after }) => {
      const was = before && this.has(before) ? before : undefined;
      const moves = after ? this.#followed.put(after.kind, after.id, after.data) : [];
      if (!after && before) this.#followed.drop(before.kind, before.id);
      const is = after && this.has(after) ? after : undefined;
      const moved = moves.flatMap(({ kind, id, before: from, followed }) => {
        const record = this.get(kind, id);
        return record
          ? difference(shows(record, from) ? record : undefined, shows(record, followed) ? record : undefined)
          : [];
      });
      return [...(was || is ? [{ before: was, after: is }] : []), ...moved];
    });
  }
}

/** The change for a record with unchanged content that is now shown, or is no longer shown. */
function difference(before: StandingRecord | undefined, after: StandingRecord | undefined): RecordChange[] {
  return (before === undefined) === (after === undefined) ? [] : [{ before, after }];
}
