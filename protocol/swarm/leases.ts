import type { UnixMillis } from '../brand.js';
import type { JsonValue } from '../records/record.js';
import type { Address, AddressContext } from './address.js';
import type { FieldProblem } from './fields.js';
import { furthestBeat, isAnyUnreadable, latestBeat, silenceAfter } from './heartbeats.js';
import {
  readBeat,
  readRelease,
  readReservation,
  type BeatFacts,
  type ReleaseFacts,
  type ReservationFacts,
} from './lease-facts.js';
import { isUnseen, type Moment } from './moment.js';
import { addTo, removeFrom } from './sets.js';
import type { SwarmRecord } from './swarm-record.js';

/**
 * The states of a lease:
 * - `live`: it ends in the future.
 * - `suspect`: it is live, but its holder has sent heartbeats before and has been silent for too long.
 * - `unknown`: the reservation cannot be read, or its end has passed and a record that may have extended it cannot be seen.
 * - `lapsed`: its end has passed. `released`: a release names it.
 * - `none`: the file was read and is not a lease: it has no valid end, or is not a record.
 *
 * In the first three states a lease holds its addresses.
 */
export const LEASE_STATES = ['live', 'suspect', 'unknown', 'lapsed', 'released', 'none'] as const;
export type LeaseState = (typeof LEASE_STATES)[number];

/** A reservation and its state at one moment. */
export interface Lease {
  /** The id of the reservation's record. */
  readonly reservation: string;
  /** The name by which heartbeats, releases and intents refer to it. */
  readonly name: string;
  readonly run: string | undefined;
  readonly branch: string | undefined;
  readonly addresses: readonly Address[];
  readonly operation: string | undefined;
  readonly createdAt: UnixMillis | undefined;
  /** The expiry as it is written in the record. */
  readonly writtenExpiry: JsonValue;
  /** The latest of its own expiry and the extensions by heartbeats; `undefined` if it has no valid expiry. */
  readonly effectiveExpiry: UnixMillis | undefined;
  /** The id of the heartbeat that extends it furthest; `undefined` if none does. */
  readonly extendedBy: string | undefined;
  readonly lastBeatAt: UnixMillis | undefined;
  readonly releasedAt: UnixMillis | undefined;
  readonly state: LeaseState;
  readonly problems: readonly FieldProblem[];
}

/** Everything but the time that determines the state of a reservation. */
export interface LeaseTerm {
  /** The id of the reservation's record. */
  readonly reservation: string;
  /** `timed`: it ends at its effective expiry. The other values determine the state at any time. */
  readonly basis: 'timed' | 'released' | 'unreadable' | 'none';
  readonly effectiveExpiry: UnixMillis | undefined;
  /** The id of the heartbeat that extends it furthest; `undefined` if none does. */
  readonly extendedBy: string | undefined;
  /** The time after which its holder has been silent for too long; `undefined` if it sent no heartbeat with a time. */
  readonly silentAfter: UnixMillis | undefined;
  /** Whether a heartbeat that cannot be read names it, and may extend it. */
  readonly mayBeProlonged: boolean;
}

/**
 * Returns the state of a lease at a time. This is the one rule of leases.
 * @param isEndCertain whether all records that could have extended the lease are known. It matters only after its end.
 */
export function leaseStateAt(term: LeaseTerm, now: UnixMillis, isEndCertain: boolean): LeaseState {
  const { basis, effectiveExpiry, silentAfter, mayBeProlonged } = term;
  if (basis === 'released' || basis === 'none') return basis;
  if (basis === 'unreadable') return 'unknown';
  if (effectiveExpiry! > now) return silentAfter !== undefined && now > silentAfter ? 'suspect' : 'live';
  return isEndCertain && !mayBeProlonged ? 'lapsed' : 'unknown';
}

/** Whether a lease holds its addresses. An `unknown` lease does. */
export const isHeld = ({ state }: Lease): boolean => state === 'live' || state === 'suspect' || state === 'unknown';

/** Returns when a lease ended; `undefined` if it has not ended, or the time is not known. */
export function endOf({ state, effectiveExpiry, releasedAt, createdAt, lastBeatAt }: Lease): UnixMillis | undefined {
  if (state === 'lapsed') return effectiveExpiry;
  if (state === 'released') return releasedAt ?? lastBeatAt ?? createdAt;
  return state === 'none' ? createdAt : undefined;
}

/** The reservations, with the heartbeats and releases that name them. Records may be put in any order. */
export class LeaseTable {
  readonly #reservations = new Map<string, ReservationFacts>();
  readonly #beats = new Map<string, BeatFacts>();
  readonly #releases = new Map<string, ReleaseFacts>();
  readonly #byName = new Map<string, Set<string>>();
  readonly #beatsByName = new Map<string, Set<BeatFacts>>();
  readonly #releasesByName = new Map<string, Set<ReleaseFacts>>();
  /** The ids of heartbeats that cannot be read and whose reservation is not known: they may extend any reservation. */
  readonly #nameless = new Set<string>();
  /** The ids of all heartbeats that cannot be read, including the nameless ones. */
  readonly #unreadable = new Set<string>();
  /** The last answer about each reservation. Nothing of it but its state depends on the time, so a lease that goes on stays the same object. */
  readonly #answers = new Map<string, { readonly term: LeaseTerm; lease: Lease }>();

  /** @param reads `terms`: only the fields that determine the state of leases; addresses are not read. */
  constructor(
    private readonly context: AddressContext = {},
    private readonly reads: 'all' | 'terms' = 'all',
  ) {}

  /** Puts a record. @returns the facts of a reservation before and after; `undefined` for other kinds. */
  put(
    record: SwarmRecord,
  ): { readonly before: ReservationFacts | undefined; readonly after: ReservationFacts } | undefined {
    switch (record.kind) {
      case 'reservation': {
        const before = this.drop('reservation', record.id);
        const after = readReservation(record, this.context, this.reads === 'all');
        this.#reservations.set(after.id, after);
        addTo(this.#byName, after.name, after.id);
        return { before, after };
      }
      case 'heartbeat': {
        this.drop('heartbeat', record.id);
        const beat = readBeat(record);
        this.#beats.set(beat.id, beat);
        if (beat.readability === 'none') return undefined;
        if (beat.readability === 'unreadable') this.#unreadable.add(beat.id);
        if (beat.name !== undefined) {
          addTo(this.#beatsByName, beat.name, beat);
          this.#forgetAnswers(beat.name);
        } else if (beat.readability === 'unreadable') this.#nameless.add(beat.id);
        return undefined;
      }
      case 'release': {
        this.drop('release', record.id);
        const release = readRelease(record);
        this.#releases.set(release.id, release);
        if (release.name !== undefined) {
          addTo(this.#releasesByName, release.name, release);
          this.#forgetAnswers(release.name);
        }
        return undefined;
      }
      default:
        return undefined;
    }
  }

  /** Drops a record. @returns the facts of a reservation; `undefined` for other kinds. */
  drop(kind: SwarmRecord['kind'], id: string): ReservationFacts | undefined {
    if (kind === 'reservation') {
      const facts = this.#reservations.get(id);
      if (!facts) return undefined;
      this.#reservations.delete(id);
      this.#answers.delete(id);
      removeFrom(this.#byName, facts.name, id);
      return facts;
    }
    if (kind === 'heartbeat') {
      const beat = this.#beats.get(id);
      this.#beats.delete(id);
      this.#nameless.delete(id);
      this.#unreadable.delete(id);
      if (beat?.name !== undefined) {
        removeFrom(this.#beatsByName, beat.name, beat);
        this.#forgetAnswers(beat.name);
      }
    } else if (kind === 'release') {
      const release = this.#releases.get(id);
      this.#releases.delete(id);
      if (release?.name !== undefined) {
        removeFrom(this.#releasesByName, release.name, release);
        this.#forgetAnswers(release.name);
      }
    }
    return undefined;
  }

  #forgetAnswers(name: string): void {
    for (const id of this.named(name)) this.#answers.delete(id);
  }

  ids(): Iterable<string> {
    return this.#reservations.keys();
  }

  /** Returns the ids of the reservations with this name. */
  named(name: string): Iterable<string> {
    return this.#byName.get(name) ?? [];
  }

  facts(id: string): ReservationFacts | undefined {
    return this.#reservations.get(id);
  }

  /** Returns the name of the reservation to which the heartbeat or release of this id refers. */
  nameIn(kind: 'heartbeat' | 'release', id: string): string | undefined {
    return kind === 'heartbeat' ? this.#beats.get(id)?.name : this.#releases.get(id)?.name;
  }

  beats(): Iterable<BeatFacts> {
    return this.#beats.values();
  }

  releases(): Iterable<ReleaseFacts> {
    return this.#releases.values();
  }

  at(id: string, moment: Moment): Lease | undefined {
    const facts = this.#reservations.get(id);
    return facts && this.#leaseOf(facts, moment);
  }

  /** Returns the term of a reservation; `undefined` if there is no such reservation. */
  term(id: string): LeaseTerm | undefined {
    const facts = this.#reservations.get(id);
    return facts && this.#termOf(facts, this.#releasesByName.has(facts.name));
  }

  /** Whether a heartbeat that was never read may extend any reservation. */
  get anyMayBeProlonged(): boolean {
    return this.#nameless.size > 0;
  }

  /** The ids of the heartbeats whose files exist but cannot be read. */
  get unreadableBeats(): Iterable<string> {
    return this.#unreadable;
  }

  #leaseOf(facts: ReservationFacts, moment: Moment): Lease {
    const answer = this.#answers.get(facts.id) ?? this.#answerAt(facts);
    const isEndCertain =
      (answer.term.effectiveExpiry ?? Infinity) <= (moment.completeUntil ?? moment.now) &&
      !isUnseen(moment, 'heartbeat') &&
      !isUnseen(moment, 'reservation') &&
      !this.anyMayBeProlonged;
    const state = leaseStateAt(answer.term, moment.now, isEndCertain);
    if (state !== answer.lease.state) answer.lease = { ...answer.lease, state };
    return answer.lease;
  }

  #answerAt(facts: ReservationFacts): { readonly term: LeaseTerm; lease: Lease } {
    const { id, name, run, branch, addresses, operation, createdAt, writtenExpiry, problems } = facts;
    const release = this.#releaseOf(name);
    const term = this.#termOf(facts, release !== undefined);
    const lease: Lease = {
      reservation: id,
      name,
      run,
      branch,
      addresses,
      operation,
      createdAt,
      writtenExpiry,
      effectiveExpiry: term.effectiveExpiry,
      extendedBy: term.extendedBy,
      lastBeatAt: latestBeat(this.#beatsByName.get(name))?.beatAt,
      releasedAt: release?.releasedAt,
      problems,
      state: 'none',
    };
    const answer = { term, lease };
    this.#answers.set(id, answer);
    return answer;
  }

  #termOf({ id, name, expiresAt, readability }: ReservationFacts, isReleased: boolean): LeaseTerm {
    const beats = this.#beatsByName.get(name);
    const furthest = furthestBeat(beats);
    const extends_ = expiresAt !== undefined && (furthest?.extendedUntil ?? -Infinity) > expiresAt;
    const effectiveExpiry = extends_ ? furthest!.extendedUntil : expiresAt;
    return {
      reservation: id,
      basis: basisOf(readability, isReleased, effectiveExpiry),
      effectiveExpiry,
      extendedBy: extends_ ? furthest!.id : undefined,
      silentAfter: silenceAfter(beats),
      mayBeProlonged: this.#unreadable.size > 0 && isAnyUnreadable(beats),
    };
  }

  /** Returns the earliest release of a reservation; one without a time only if none has a time. */
  #releaseOf(name: string): ReleaseFacts | undefined {
    let first: ReleaseFacts | undefined;
    for (const release of this.#releasesByName.get(name) ?? [])
      if (!first || (release.releasedAt ?? Infinity) < (first.releasedAt ?? Infinity)) first = release;
    return first;
  }
}

function basisOf(
  readability: ReservationFacts['readability'],
  isReleased: boolean,
  effectiveExpiry: number | undefined,
): LeaseTerm['basis'] {
  if (isReleased) return 'released';
  if (readability === 'unreadable') return 'unreadable';
  return readability === 'none' || effectiveExpiry === undefined ? 'none' : 'timed';
}
