import { recordKey } from './record-name.js';
import type { Kind } from './kinds.js';
import type { RecordData } from './record.js';
import { branchText, isNothing, runText } from '../swarm/fields.js';
import { leaseNameOf } from '../swarm/lease-facts.js';

/** The run and branch that a heartbeat or release takes from the reservation that it names, if it does not say them itself. */
export interface Followed {
  readonly runId: string | undefined;
  readonly branch: string | undefined;
}

export interface FollowerName {
  readonly kind: 'heartbeat' | 'release';
  readonly id: string;
}

/** A heartbeat or a release whose followed run or branch has changed. */
export interface FollowerMove extends FollowerName {
  readonly before: Followed | undefined;
  readonly followed: Followed | undefined;
}

interface Follower extends FollowerName {
  readonly name: string;
  readonly followed: Followed | undefined;
}

/**
 * At most this many followers change when their reservation changes; the others keep their old values. One file must not cause a flood of
 * events.
 */
export const MAX_FOLLOWERS = 1_000;

/**
 * Keeps run and branch of the reservations, for the heartbeats and releases that name a reservation but say no run or branch. Muse writes
 * them like that, and a filter by run or branch should match them too. The values that a record follows stay the same until the record
 * changes or its reservation says something else. So the removal of a reservation takes none of its followers out of a filter. Records may
 * be put in any order.
 */
export class FollowedFields {
  /** By the name that other records call the reservation, then by id. */
  readonly #reservations = new Map<string, Map<string, Followed>>();
  readonly #names = new Map<string, string>();
  readonly #followers = new Map<string, Follower>();
  readonly #byName = new Map<string, Set<string>>();

  /** Returns what a record with this data would follow. */
  peek(kind: Kind, id: string, data: RecordData): Followed | undefined {
    const name = followedName(kind, id, data);
    if (name === undefined) return undefined;
    const before = this.#followers.get(recordKey(kind, id));
    return this.#saidBy(name) ?? (before?.name === name ? before.followed : undefined);
  }

  of(kind: Kind, id: string): Followed | undefined {
    return this.#followers.get(recordKey(kind, id))?.followed;
  }

  /** Puts a record with its current data. @returns the other records whose followed values change as a result. */
  put(kind: Kind, id: string, data: RecordData, followed = this.peek(kind, id, data)): readonly FollowerMove[] {
    if (kind === 'reservation') return this.#putReservation(id, data);
    if (kind !== 'heartbeat' && kind !== 'release') return [];
    this.drop(kind, id);
    const name = followedName(kind, id, data);
    if (name === undefined) return [];
    this.#follow({ kind, id, name, followed });
    return [];
  }

  /** Drops a removed record. */
  drop(kind: Kind, id: string): void {
    if (kind === 'reservation') {
      const name = this.#names.get(id);
      if (name === undefined) return;
      this.#names.delete(id);
      const said = this.#reservations.get(name)!;
      said.delete(id);
      if (said.size === 0) this.#reservations.delete(name);
      return;
    }
    const key = recordKey(kind, id);
    const name = this.#followers.get(key)?.name;
    if (name === undefined) return;
    this.#followers.delete(key);
    const keys = this.#byName.get(name)!;
    keys.delete(key);
    if (keys.size === 0) this.#byName.delete(name);
  }

  #putReservation(id: string, data: RecordData): FollowerMove[] {
    this.drop('reservation', id);
    const name = leaseNameOf('reservation', id, data)!;
    const said = this.#reservations.get(name) ?? new Map<string, Followed>();
    this.#reservations.set(name, said.set(id, { runId: runText(data), branch: branchText(data) }));
    this.#names.set(id, name);
    const followed = this.#saidBy(name)!;
    const moved: (Follower & FollowerMove)[] = [];
    for (const key of this.#byName.get(name) ?? []) {
      const follower = this.#followers.get(key)!;
      if (!sameFollowed(follower.followed, followed)) moved.push({ ...follower, before: follower.followed, followed });
      if (moved.length === MAX_FOLLOWERS) break;
    }
    for (const { kind, id: follower } of moved) this.#follow({ kind, id: follower, name, followed });
    return moved;
  }

  #follow(follower: Follower): void {
    const key = recordKey(follower.kind, follower.id);
    this.#followers.set(key, follower);
    const keys = this.#byName.get(follower.name);
    if (keys) keys.add(key);
    else this.#byName.set(follower.name, new Set([key]));
  }

  /** If several reservations have one name, the one with the smallest id counts. */
  #saidBy(name: string): Followed | undefined {
    let first: string | undefined;
    const said = this.#reservations.get(name);
    for (const id of said?.keys() ?? []) if (first === undefined || id < first) first = id;
    return first === undefined ? undefined : said!.get(first);
  }
}

export function sameFollowed(a: Followed | undefined, b: Followed | undefined): boolean {
  return a === b || (a?.runId === b?.runId && a?.branch === b?.branch);
}

/** Returns the name of the reservation whose run or branch a record needs; `undefined` if the record says both, or names none. */
function followedName(kind: Kind, id: string, data: RecordData): string | undefined {
  if (kind !== 'heartbeat' && kind !== 'release') return undefined;
  return isNothing(data['run_id']) || isNothing(data['branch']) ? leaseNameOf(kind, id, data) : undefined;
}
