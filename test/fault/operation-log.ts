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

/** When a server last showed a record, and how far its file had come by then. */
interface Sight {
  /** The server, and the record. */
  readonly key: string;
  readonly epoch: string;
  readonly revision: number;
  /** Place among the states of its file. */
  readonly at: number;
  /** What the same server showed of the record before. */
  readonly before: Sight | undefined;
}

/**
 * Follows one life through the operations: states may be skipped, and are never seen before they were, nor after. Two servers read the
 * same files each for itself: one of them may not know yet what the other has shown.
 */
export class OperationReader {
  /** By server and record: the last sight of it, as it was or removed. */
  readonly #last = new Map<string, Sight>();
  readonly #sights: Sight[] = [];

  constructor(
    private readonly log: OperationLog,
    private readonly writerOf: (epoch: string) => string,
  ) {}

  follow(epoch: string, event: WireEvent): void {
    const [revision, type, , , , , reason, problem] = event;
    // What leaves a filter is shown as it was before.
    if (isOfLease(type) || reason === 'left-filter') return;
    const record = recordOf(event);
    const key = `${this.writerOf(epoch)} ${record}`;
    const states = this.log.statesOf(record);
    const before = this.#last.get(key);
    const isBroken = typeof problem === 'string' && type !== TYPE.removed;
    // A server that begins while a file is broken knows nothing of what it said before.
    const isUnread = isBroken && jsonOf(event) === NOTHING && before?.epoch !== epoch;
    if (isUnread || (isBroken && problem === 'unreadable')) {
      // It is there; what it says now nobody claims to know.
      must(states.length > 0, 'operations', () => `revision ${String(revision)} knows of ${record}, which never was`);
      return;
    }
    const wanted = type === TYPE.removed ? undefined : jsonOf(event);
    let at = sinceWhen(before, epoch);
    while (at < states.length && states[at] !== wanted) at++;
    // Of a broken file, a server that has begun again shows what its journal has, which may lack what was last shown.
    if (isBroken && at === states.length && states.includes(wanted)) return;
    must(at < states.length, 'operations', () =>
      wanted === undefined
        ? `revision ${String(revision)} says that ${record} was removed, which nobody has done since it was last seen`
        : `revision ${String(revision)} shows ${record} as ${wanted}, which its file has not been since it was last seen`,
    );
    const sight = { key, epoch, revision, at, before };
    this.#last.set(key, sight);
    this.#sights.push(sight);
  }

  /** A server says that a later revision than this has not been: what was seen after it may be seen again as it was before. */
  goBackTo(epoch: string, revision: number): void {
    const first = this.#sights.findIndex((sight) => sight.epoch === epoch && sight.revision > revision);
    if (first < 0) return;
    for (const { key, before } of this.#sights.splice(first).reverse()) {
      if (before) this.#last.set(key, before);
      else this.#last.delete(key);
    }
  }
}

/**
 * From which state of a file on a server may show it. An epoch that goes on after another one does so from a journal of before: where the files
 * cannot be seen, what was shown in between is not known.
 */
function sinceWhen(before: Sight | undefined, epoch: string): number {
  for (let sight = before; sight; sight = sight.before) if (sight.epoch === epoch) return sight.at;
  return before?.at ?? 0;
}
