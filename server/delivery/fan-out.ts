import {
  filterKey,
  groupId,
  revision,
  type Encoding,
  type Filter,
  type Matchable,
  type Revision,
  MessageType,
} from '../../protocol/index.js';
import type { StoreEvent } from '../store/store-event.js';
import { UNSUPERVISED, type Supervision } from '../runtime/supervisor.js';
import { FilterIndex } from './filter-index.js';
import { frameOf } from './frames.js';
import { Group } from './group.js';
import type { Subscription, SubscriptionOwner } from './subscription.js';

/** A group whose members are subscriptions. */
export type DeliveryGroup = Group<Subscription>;

/** The bytes of events in a frame before the next one begins, so that one turn's events do not become one huge message. */
const FRAME_BYTES = 262_144;
/** A bound on the bytes of a frame around its events. */
const FRAME_HEAD_BYTES = 64;

/** Sends events to live subscriptions: finds the groups by the filter index, and makes one shared frame per group and turn. */
export class FanOut {
  readonly #index = new FilterIndex<DeliveryGroup>();
  /**
   * Groups by filter and encoding. The nth group serves the nth subscription of one connection with that filter. Nearly always
   * there is one group, which is then stored without an array.
   */
  readonly #groups = new Map<string, DeliveryGroup | DeliveryGroup[]>();
  /** The number of events sent to live subscriptions, counted once for each subscription. */
  delivered = 0;
  #nextGroup = 1;
  #visit = 0;
  /** All events up to this revision have been sent to all live subscriptions. */
  #published: Revision;

  readonly #frameBytes: number;

  /** @param maxQueuedBytes the bytes that may wait in a socket's queue: no frame of several events is larger. */
  constructor(
    start: Revision,
    maxQueuedBytes: number,
    private readonly supervision: Supervision = UNSUPERVISED,
  ) {
    this.#published = start;
    this.#frameBytes = Math.min(FRAME_BYTES, maxQueuedBytes - FRAME_HEAD_BYTES);
  }

  get published(): Revision {
    return this.#published;
  }

  get groupCount(): number {
    let count = 0;
    for (const groups of this.#groups.values()) count += Array.isArray(groups) ? groups.length : 1;
    return count;
  }

  /** All groups that at least one subscription holds. */
  *groups(): Generator<DeliveryGroup> {
    for (const groups of this.#groups.values()) {
      if (Array.isArray(groups)) yield* groups;
      else yield groups;
    }
  }

  /** Returns the group for one more subscription of a connection. @param taken whether the connection is in a group already. */
  acquire(filter: Filter, encoding: Encoding, taken: (group: DeliveryGroup) => boolean): DeliveryGroup {
    const key = `${encoding} ${filterKey(filter)}`;
    const groups = listOf(this.#groups.get(key));
    const free = groups.find((group) => !taken(group));
    if (free) {
      free.holders++;
      return free;
    }
    const group = new Group<Subscription>(groupId(this.#nextGroup++), filter, encoding);
    this.#groups.set(key, groups.length === 0 ? group : [...groups, group]);
    this.#index.add(group);
    return group;
  }

  /** Gives back a group from {@link acquire}. A group that no subscription holds is removed. */
  release(group: DeliveryGroup): void {
    if (--group.holders > 0) return;
    const key = `${group.encoding} ${filterKey(group.filter)}`;
    const [first, ...others] = listOf(this.#groups.get(key)).filter((other) => other !== group);
    if (first === undefined) this.#groups.delete(key);
    else this.#groups.set(key, others.length === 0 ? first : [first, ...others]);
    this.#index.delete(group);
  }

  /** Sends one turn's events to every live subscription that they match. */
  publish(events: readonly StoreEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    const before = this.#published;
    const touched: DeliveryGroup[] = [];
    for (const event of events) this.#match(event, touched);
    this.#published = last.revision;
    const congested: SubscriptionOwner[] = [];
    for (const group of touched) this.#deliver(group, before, congested);
    for (const event of events) if (event.fault !== undefined) this.#report(event);
    // The other live subscriptions of these connections have been sent all events of this turn.
    for (const subscriber of congested) subscriber.fallBehind(last.revision);
  }

  /** Passes over revisions of which nothing is known. */
  skip(to: Revision): void {
    this.#published = to;
  }

  #match(event: StoreEvent, touched: DeliveryGroup[]): void {
    const visit = ++this.#visit;
    const consider = (group: DeliveryGroup): void => {
      if (group.visit === visit) return;
      group.visit = visit;
      const view = event.viewFor(group.matcher);
      if (view === undefined) return;
      if (group.members.length === 0) {
        group.index++;
        return;
      }
      const pending = (group.pending ??= { revisions: [], events: [] });
      if (pending.events.length === 0) touched.push(group);
      pending.revisions.push(event.revision);
      pending.events.push(event.encoded(view, group.encoding));
    };
    for (const record of seenBy(event)) this.#index.eachCandidate(record, consider);
  }

  /** Sends a group its events. If that throws, the connections of its members end, and other groups are not affected. */
  #deliver(group: DeliveryGroup, before: Revision, congested: SubscriptionOwner[]): void {
    const next = group.index + group.pending!.events.length;
    try {
      this.#flush(group, before, congested);
    } catch (error) {
      group.index = next;
      group.pending = undefined;
      for (const { owner } of [...group.members]) owner.fail('telling a group', error);
    }
  }

  #report(event: StoreEvent): void {
    const { kind, id } = event.record;
    this.supervision.report('matching or encoding a record', event.fault, { kind, id });
    event.fault = undefined;
  }

  #flush(group: DeliveryGroup, before: Revision, congested: SubscriptionOwner[]): void {
    const { revisions, events } = group.pending!;
    let sentUntil = before;
    for (let from = 0; from < events.length;) {
      const until = endOfFrame(events, from, this.#frameBytes);
      const chunk = events.slice(from, until);
      const frame = frameOf({ type: MessageType.events, to: group.id, first: group.index }, chunk, group.encoding);
      const reached = revision(revisions[until - 1]!);
      this.#sendToMembers(group, chunk, revisions.slice(from, until), frame, sentUntil, congested);
      group.index += chunk.length;
      sentUntil = reached;
      from = until;
    }
    revisions.length = 0;
    events.length = 0;
  }

  #sendToMembers(
    group: DeliveryGroup,
    chunk: readonly Uint8Array[],
    revisions: readonly number[],
    frame: Uint8Array,
    sentUntil: Revision,
    congested: SubscriptionOwner[],
  ): void {
    const { members, index } = group;
    const next = index + chunk.length;
    const someEnd = next >= group.nextCap;
    // This also counts the few members whose port is congested; they are sent the same events later.
    this.delivered += members.length * chunk.length;
    // Backwards, because a member that leaves is replaced by the last one.
    for (let i = members.length - 1; i >= 0; i--) {
      const member = members[i]!;
      const { owner } = member;
      const { port } = owner;
      try {
        if (!port.isOpen()) {
          member.fallBehind(sentUntil, index);
          continue;
        }
        const isLast = someEnd && member.endIndex <= next;
        const count = member.endIndex - index;
        const isTaken = isLast
          ? member.sendLast(chunk.slice(0, count), index, revision(revisions[count - 1]!))
          : port.offer(frame) !== 'dropped';
        if (port.isOpen()) continue;
        congested.push(owner);
        if (!isTaken) member.fallBehind(sentUntil, index);
        else if (!isLast) member.fallBehind(revision(revisions.at(-1)!), next);
      } catch (error) {
        owner.fail('sending', error);
      }
    }
    if (someEnd) group.findNextCap();
  }
}

function listOf(groups: DeliveryGroup | DeliveryGroup[] | undefined): DeliveryGroup[] {
  if (groups === undefined) return [];
  return Array.isArray(groups) ? groups : [groups];
}

/** Returns the states of the record before and after the event, as filters match either. */
function seenBy({ before, after }: StoreEvent): Matchable[] {
  if (before === undefined || before === after) return after ? [after.matchable] : [];
  return after ? [before.matchable, after.matchable] : [before.matchable];
}

function endOfFrame(events: readonly Uint8Array[], from: number, most: number): number {
  let bytes = 0;
  let at = from;
  // One byte more per event, for the comma in JSON.
  do bytes += events[at++]!.length + 1;
  while (at < events.length && bytes + events[at]!.length <= most);
  return at;
}
