import type { Revision, UnixMillis } from '../../protocol/index.js';
import { CurrentRecords } from './current-records.js';
import type { RecordVersion } from './record-version.js';
import type { StoreEvent } from './store-event.js';

/** An edge's copy of the records of the origin, whose events change it and end its leases. */
export class RecordReplica extends CurrentRecords {
  /** Begins with the origin's current records at the revision `last`. */
  constructor(versions: readonly RecordVersion[], last: Revision, now: UnixMillis) {
    super(last);
    for (const version of versions) {
      this.stand(version);
      const { kind, id, data, problem } = version;
      if (this.book.affectsLeases(kind)) this.showAll(this.book.put(kind, id, data, now, problem));
    }
  }

  /** Passes over the revisions up to `to`, of which nothing is known. */
  skip(to: Revision): void {
    this.last = to;
  }

  /** Applies an event of the origin, at the next revision. */
  follow({ type, before, after, record: { kind, id }, revision: next, time }: StoreEvent): void {
    if (after === undefined) {
      this.forget(kind, id);
      this.showAll(this.book.drop(kind, id, time));
    } else if (after !== before) {
      this.stand(after);
      this.showAll(this.book.put(kind, id, after.data, time, after.problem));
    } else if (type === 'expired') {
      this.book.lapse(id);
      this.showLease(id);
    }
    this.last = next;
  }
}
