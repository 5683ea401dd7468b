import type { WireEvent } from '../../protocol/index.js';
import {
  isUnfiltered,
  jsonOf,
  KIND_NAMES,
  isOfLease,
  must,
  passes,
  recordOf,
  TYPE,
  type Circumstances,
  type Entry,
  type ClientHistory,
  type Rule,
} from './client-history.js';
import { OperationReader, type OperationLog } from './operation-log.js';
import type { Revisions } from './revisions.js';
import type { Oracle } from './oracle.js';

type Of<Is extends Entry['is']> = Extract<Entry, { is: Is }>;
type Phase = 'disconnected' | 'snapshot' | 'replay' | 'live' | 'ended';

/** Checks one history entry by entry, and throws at the first entry that breaks a rule. */
export class ClientHistoryCheck {
  #phase: Phase = 'disconnected';
  #epoch = '';
  /** Everything that matches up to here has been received. */
  #position: { readonly epoch: string; readonly revision: number } | undefined;
  #view = new Map<string, string>();
  #snapshot: WireEvent[] = [];
  #nextN: number | undefined;
  #nextIndex: number | undefined;
  #delivered = 0;
  #cap = Infinity;
  readonly #operations: OperationReader;
  events = 0;
  marks = 0;

  constructor(
    private readonly history: ClientHistory,
    private readonly oracle: Oracle,
    private readonly log: OperationLog,
    private readonly revisions: Revisions,
    private readonly known: Circumstances,
  ) {
    this.#operations = new OperationReader(log, known.writerOf);
  }

  take(entry: Entry): void {
    switch (entry.is) {
      case 'connected':
        this.#phase = 'disconnected';
        this.#epoch = entry.epoch;
        return;
      case 'disconnected':
        if (this.#phase !== 'ended') this.#phase = 'disconnected';
        return;
      case 'subscribed':
        this.#subscribed(entry);
        return;
      case 'batch':
        this.#batch(entry);
        return;
      case 'synced':
        this.#synced(entry);
        return;
      case 'events':
        this.#live(entry);
        return;
      case 'resync':
        this.#in(['replay', 'live'], 'resync');
        this.#beginSnapshot();
        return;
      case 'complete':
        this.#complete(entry);
        return;
      case 'heartbeat':
        this.#heartbeat(entry);
        return;
    }
  }

  /** Checks the end, after the client received everything: its view equals the files. */
  settled(): void {
    if (this.#phase === 'ended') return;
    this.#in(['live'], 'the end');
    const final = this.log.finalState(this.history.filter);
    for (const [record, json] of final) {
      const seen = this.#view.get(record);
      must(seen === json, 'final-state', () => `${record} is ${json}, but the client last saw ${String(seen)}`);
    }
    for (const record of this.#view.keys()) {
      must(final.has(record), 'final-state', () => `${record} was removed, but is still in the client's view`);
    }
  }

  // ── marks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #subscribed({ mode, cursor, why, since, maxEvents }: Of<'subscribed'>): void {
    this.#in(['disconnected', 'ended'], 'subscribed');
    this.#delivered = 0;
    this.#cap = maxEvents ?? Infinity;
    this.#nextN = 1;
    this.#nextIndex = undefined;
    if (mode !== 'replay') {
      must(
        (mode === 'resync') === (since !== undefined),
        'resume',
        () => `since ${String(since)} is answered by ${mode}`,
      );
      if (why === 'epoch') must(!since!.startsWith(`${this.#epoch}:`), 'resume', () => `${since!} is of this epoch`);
      if (why === 'future') this.#setBack(cursor, since!);
      this.#beginSnapshot();
      return;
    }
    this.#phase = 'replay';
    must(cursor.startsWith(`${this.#epoch}:`), 'resume', () => `a replay from ${cursor} in epoch ${this.#epoch}`);
    must(since === undefined || since === cursor, 'resume', () => `asked for ${since!}, given ${cursor}`);
    const revision = this.#revisionIn(cursor);
    const before = this.#position;
    if (since === undefined) this.#view.clear();
    else if (before) {
      const isHere = before.epoch === this.#epoch && before.revision === revision;
      must(isHere, 'resume', () => `resumed at ${cursor}, but had received up to ${before.epoch}:${before.revision}`);
    }
    this.#position = { epoch: this.#epoch, revision };
  }

  /** An edge knows of an epoch what its broker has kept: it may know less than it has told. */
  #setBack(cursor: string, since: string): void {
    const revision = this.#revisionIn(cursor);
    const isAhead = since.startsWith(`${this.#epoch}:`) && this.#revisionIn(since) > revision;
    must(isAhead, 'resume', () => `${since} is not in the future of ${cursor}`);
    this.#operations.goBackTo(this.#epoch, revision);
  }

  #revisionIn(cursor: string): number {
    return Number(cursor.slice(this.#epoch.length + 1));
  }

  #beginSnapshot(): void {
    this.#phase = 'snapshot';
    this.#position = undefined;
    this.#snapshot = [];
    this.#nextN = 1;
    this.#nextIndex = undefined;
  }

  #synced({ revision, index }: Of<'synced'>): void {
    this.marks++;
    if (this.#phase === 'snapshot') this.#closeSnapshot(revision);
    else {
      // The SDK reports `synced` again each time it has caught up.
      this.#in(index === undefined ? ['replay', 'live'] : ['replay'], 'synced');
      this.#passUpTo(revision, 'completeness', 'synced');
    }
    this.#phase = 'live';
    this.#nextIndex = index;
  }

  #heartbeat({ revision }: Of<'heartbeat'>): void {
    if (this.#phase === 'disconnected' || this.#phase === 'ended') return;
    this.marks++;
    must(this.#phase === 'live', 'bookmark', () => `a heartbeat at ${String(revision)} while in ${this.#phase}`);
    this.#passUpTo(revision, 'bookmark', 'a heartbeat');
  }

  #complete({ reason, delivered }: Of<'complete'>): void {
    this.#in(['snapshot', 'replay', 'live'], 'complete');
    must(delivered === this.#delivered, 'cap', () => `complete says ${delivered}, but ${this.#delivered} arrived`);
    must(reason !== 'max_events' || delivered === this.#cap, 'cap', () => `ended at ${delivered} of ${this.#cap}`);
    this.#phase = 'ended';
  }

  // ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #batch({ n, events }: Of<'batch'>): void {
    this.#in(['snapshot', 'replay'], 'a batch');
    if (n !== undefined)
      must(n === this.#nextN, 'completeness', () => `batch ${n} follows ${String(this.#nextN! - 1)}`);
    this.#nextN = (this.#nextN ?? 1) + events.length;
    for (const event of events) {
      this.#count();
      if (this.#phase === 'replay') this.#change(event);
      else this.#snapshotEvent(event);
    }
  }

  #live({ index, events }: Of<'events'>): void {
    this.#in(['live'], 'events');
    if (index !== undefined) {
      must(index === this.#nextIndex, 'completeness', () => `index ${index} follows ${String(this.#nextIndex! - 1)}`);
      this.#nextIndex = index + events.length;
    }
    for (const event of events) {
      this.#count();
      this.#change(event);
    }
  }

  #count(): void {
    this.events++;
    this.#delivered++;
    must(this.#delivered <= this.#cap, 'cap', () => `event ${this.#delivered} of a cap of ${this.#cap}`);
  }

  #snapshotEvent(event: WireEvent): void {
    const previous = this.#snapshot.at(-1);
    must(event[1] === TYPE.snapshot, 'marks', () => `an event of type ${event[1]} in a snapshot`);
    if (previous) {
      const isInOrder = previous[2] < event[2] || (previous[2] === event[2] && previous[3] < event[3]);
      must(isInOrder, 'order', () => `${recordOf(event)} follows ${recordOf(previous)} in a snapshot`);
    }
    this.#mustPass(event);
    this.#operations.follow(this.#epoch, event);
    this.#snapshot.push(event);
  }

  #closeSnapshot(cut: number): void {
    for (const event of this.#snapshot) {
      must(event[0] <= cut, 'cut', () => `${recordOf(event)} at ${event[0]} in a snapshot at ${cut}`);
    }
    this.#compareWithOracle(cut);
    this.#view = new Map(this.#snapshot.map((event) => [recordOf(event), jsonOf(event)]));
    this.#position = { epoch: this.#epoch, revision: cut };
    this.#snapshot = [];
  }

  #compareWithOracle(cut: number): void {
    const state = this.oracle.covering(this.#epoch, cut, cut)?.stateAt(cut);
    if (!state) return;
    const left = new Map(state);
    for (const event of this.#snapshot) {
      const record = recordOf(event);
      const version = left.get(record);
      // Where a record follows another one, its version is younger than the last change that anybody was told of.
      const isSilentSince =
        version !== undefined && event[0] > version.shown && this.known.isSilent(this.#epoch, event[0]);
      const isAt = version?.shown === event[0] || isSilentSince;
      const isRight = isAt && JSON.stringify(version.data) === jsonOf(event);
      must(isRight, 'cut', () => `at ${cut}, ${record} stood as ${JSON.stringify(version)}, not as ${jsonOf(event)}`);
      left.delete(record);
    }
    for (const [record, { data }] of left) {
      const slash = record.indexOf('/');
      const isWanted = passes(this.history.filter, record.slice(0, slash), record.slice(slash + 1), data!);
      must(!isWanted, 'cut', () => `${record} is missing from the snapshot at ${cut}`);
    }
  }

  #change(event: WireEvent): void {
    const position = this.#position!;
    const [revision, type] = event;
    must(revision !== position.revision, 'uniqueness', () => `revision ${revision} comes twice`);
    must(revision > position.revision, 'order', () => `revision ${revision} follows ${position.revision}`);
    must(type !== TYPE.snapshot, 'marks', () => 'a snapshot event among changes');
    this.#mustBeNext(event);
    this.revisions.note(this.#epoch, event);
    this.#operations.follow(this.#epoch, event);
    this.#applyToView(event);
    this.#position = { epoch: this.#epoch, revision };
  }

  #mustBeNext(event: WireEvent): void {
    const { revision: after } = this.#position!;
    const [revision, type, , , , , reason] = event;
    if (isUnfiltered(this.history.filter)) {
      const isNext = revision === this.#nextShown(after) || revision === this.#nextKnown(after);
      must(isNext, 'completeness', () => `revision ${revision} follows ${after}`);
      return;
    }
    const range = this.oracle.covering(this.#epoch, after, revision);
    if (!range) return;
    const expected = range.next(this.history.filter, after, revision);
    must(expected !== undefined, 'filter', () => `revision ${revision} arrived, but does not match`);
    must(
      expected.revision === revision,
      'completeness',
      () => `revision ${expected.revision} matches, but did not arrive`,
    );
    const isRight =
      expected.type === type && expected.json === jsonOf(event) && expected.reason === (reason ?? undefined);
    must(isRight, 'filter', () => `expected ${JSON.stringify(expected)}, got ${JSON.stringify(event)}`);
  }

  #applyToView(event: WireEvent): void {
    const [revision, type] = event;
    const record = recordOf(event);
    const seen = this.#view.get(record);
    const where = (): string =>
      `revision ${revision}: the view has ${record} as ${String(seen)}, and type ${type} arrived`;
    if (type === TYPE.added) must(seen === undefined, 'view', where);
    else must(seen !== undefined, 'view', where);
    if (type === TYPE.removed) {
      must(seen === jsonOf(event), 'view', where);
      this.#view.delete(record);
      return;
    }
    if (isOfLease(type)) must(seen === jsonOf(event), 'view', where);
    this.#mustPass(event);
    this.#view.set(record, jsonOf(event));
  }

  #mustPass(event: WireEvent): void {
    const passed = passes(this.history.filter, KIND_NAMES[event[2]] ?? '?', event[3], event[5]);
    must(passed, 'filter', () => `${recordOf(event)} does not match: ${jsonOf(event)}`);
  }

  /** Checks that no matching event lies between the last event and this revision. */
  #passUpTo(revision: number, rule: Rule, what: string): void {
    const { epoch, revision: after } = this.#position!;
    if (revision <= after) return;
    if (isUnfiltered(this.history.filter)) {
      must(this.#nextKnown(after) > revision, rule, () => `${what} says ${revision}, the last event was ${after}`);
    }
    const missed = this.oracle.covering(epoch, after, revision)?.next(this.history.filter, after, revision);
    must(missed === undefined, rule, () => `${what} says ${revision}, but ${JSON.stringify(missed)} has not arrived`);
    this.#position = { epoch, revision };
  }

  #nextShown(after: number): number {
    let next = after + 1;
    while (this.known.isSilent(this.#epoch, next)) next++;
    return next;
  }

  /** As {@link #nextShown}, for a client that was told nothing of what was lost. */
  #nextKnown(after: number): number {
    const next = this.#nextShown(after);
    const to = this.known.gapAfter(this.#epoch, next - 1);
    return to === undefined ? next : this.#nextKnown(to);
  }

  #in(phases: readonly Phase[], what: string): void {
    must(phases.includes(this.#phase), 'marks', () => `${what} while ${this.#phase}`);
  }
}
