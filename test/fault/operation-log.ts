import type { WireEvent } from '../../protocol/index.js';
import {
  isOfLease,
  jsonOf,
  must,
  passes,
  recordOf,
  TYPE,
  type ClientFilter,
  type Operation,
} from './client-history.js';

/** The contents of each record's file, in order; `undefined` for a removal. */
export class OperationLog {
  readonly #states = new Map<string, (string | undefined)[]>();

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      const record = `${operation.kind}/${operation.id}`;
      const states = this.#states.get(record) ?? [];
      states.push(operation.is === 'write' ? JSON.stringify(operation.data) : undefined);
      this.#states.set(record, states);
    }
  }

  statesOf(record: string): readonly (string | undefined)[] {
    return this.#states.get(record) ?? [];
  }

  /** The records that a filtered view must hold after the client received everything. */
  finalState(filter: ClientFilter): ReadonlyMap<string, string> {
    const final = new Map<string, string>();
    for (const [record, states] of this.#states) {
      const last = states.at(-1);
      const slash = record.indexOf('/');
      const [kind, id] = [record.slice(0, slash), record.slice(slash + 1)];
      if (last !== undefined && passes(filter, kind, id, JSON.parse(last) as object)) final.set(record, last);
    }
    return final;
  }
}

/** What is said of a file that never was a record. */
const NOTHING = '{}';

/** Follows one life through the operations: states may be skipped, and are never seen before they were, nor after. */
export class OperationReader {
  /** By record: how far it has been seen. */
  readonly #seen = new Map<string, number>();
  /** By record: the last epoch in which it was seen, as it was or removed. */
  readonly #seenIn = new Map<string, string>();

  constructor(private readonly log: OperationLog) {}

  follow(epoch: string, event: WireEvent): void {
    const [revision, type, , , , , reason, problem] = event;
    // What leaves a filter is shown as it was before.
    if (isOfLease(type) || reason === 'left-filter') return;
    const record = recordOf(event);
    const states = this.log.statesOf(record);
    const isBroken = typeof problem === 'string' && type !== TYPE.removed;
    // A server that begins while a file is broken knows nothing of what it said before.
    const isUnread = isBroken && jsonOf(event) === NOTHING && this.#seenIn.get(record) !== epoch;
    if (isUnread || (isBroken && problem === 'unreadable')) {
      // It is there; what it says now nobody claims to know.
      must(states.length > 0, 'operations', () => `revision ${String(revision)} knows of ${record}, which never was`);
      return;
    }
    const wanted = type === TYPE.removed ? undefined : jsonOf(event);
    let at = this.#seen.get(record) ?? 0;
    while (at < states.length && states[at] !== wanted) at++;
    must(at < states.length, 'operations', () =>
      wanted === undefined
        ? `revision ${String(revision)} says that ${record} was removed, which nobody has done since it was last seen`
        : `revision ${String(revision)} shows ${record} as ${wanted}, which its file has not been since it was last seen`,
    );
    this.#seen.set(record, at);
    this.#seenIn.set(record, epoch);
  }
}
