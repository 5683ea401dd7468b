import { FollowedFields, type Kind } from '../../protocol/index.js';
import type { MirrorPlan } from './mirror-plan.js';
import type { RecordChange, StandingRecord } from './record-view.js';

/** Which of the records that a mirror follows it shows. */
export class ShownRecords {
  /** What heartbeats and releases have from their reservations, where the filter may ask for it. */
  readonly #followed = new FollowedFields();

  /** @param shows absent where all are shown. */
  constructor(
    private readonly shows: MirrorPlan['shows'],
    private readonly get: (kind: Kind, id: string) => StandingRecord | undefined,
  ) {}

  has(record: StandingRecord): boolean {
    return this.shows?.(record, this.#followed.of(record.kind, record.id)) ?? true;
  }

  /** @returns the differences in what is shown. */
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

/** Of a record that stayed as it was and is shown now, or is no longer. */
function difference(before: StandingRecord | undefined, after: StandingRecord | undefined): RecordChange[] {
  return (before === undefined) === (after === undefined) ? [] : [{ before, after }];
}
