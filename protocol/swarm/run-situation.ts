import type { Address } from './address.js';
import type { AddressIndex } from './address-index.js';
import { byEnd } from './agents.js';
import { conflictForm, type ConflictForm } from './conflict-form.js';
import { addressOverlaps, operationConflicts, type Conflict } from './conflicts.js';
import { withState, type Intent } from './intents.js';
import { leaseForm, type LeaseForm } from './lease-form.js';
import { endOf, isHeld, type Lease } from './leases.js';
import { isHistory, type Moment } from './moment.js';
import type { Swarm } from './swarm.js';
import { intentWaits, type Wait } from './waits.js';

/** A wait in the form that every surface writes. Null if a record does not say the value. */
export interface WaitForm {
  readonly run_id: string | null;
  readonly branch: string | null;
  /** The run that it waits for. */
  readonly for: string | null;
  readonly same_branch: boolean;
  readonly by: Wait['by'];
  /** Id of the intent, or of the task that waits. */
  readonly record: string;
  readonly wanted: string;
  /** Id of the reservation, or of the claim, that blocks it. */
  readonly blocked_by: string;
}

/** What concerns one run at one moment. */
export interface RunSituation {
  /** The leases that it holds, and those that ended within the last hour without a release; ordered by their end. */
  readonly leases: readonly LeaseForm[];
  /** Other runs that wait for something that it has. */
  readonly waiters: readonly WaitForm[];
  /** What it waits for itself. */
  readonly waits: readonly WaitForm[];
  /** The ids of its intents that are not done. */
  readonly intents: readonly string[];
  readonly conflicts: readonly ConflictForm[];
  /** Whether nothing is left out: all records can be seen, and no list is cut at {@link MAX_LISTED}. */
  readonly is_complete: boolean;
}

/** The most entries of each list. */
const MAX_LISTED = 100;

/**
 * Returns what concerns a run: its leases, its waits, who waits for it, and its conflicts. They are the same as in the swarm's own lists,
 * but only the records around the run are looked at, because a server answers this before each edit.
 */
export function runSituation(swarm: Swarm, moment: Moment, run: string): RunSituation {
  const around = new Surroundings(swarm, moment, run);
  const { leases } = around;
  const isCurrent = (lease: Lease): boolean =>
    isHeld(lease) || (lease.state === 'lapsed' && !isHistory(endOf(lease), moment));
  const waits = around.waits();
  const lists = {
    leases: leases.filter(isCurrent).sort(byEnd),
    waiters: waits.filter((wait) => wait.for === run && wait.run !== run),
    waits: waits.filter((wait) => wait.run === run && wait.for !== run),
    intents: around.intents,
    conflicts: around.conflicts(),
  };
  const isCut = Object.values(lists).some(({ length }) => length > MAX_LISTED);
  const first = <T>(list: readonly T[]): readonly T[] => list.slice(0, MAX_LISTED);
  return {
    leases: first(lists.leases).map(leaseForm),
    waiters: first(lists.waiters).map(waitForm),
    waits: first(lists.waits).map(waitForm),
    intents: first(lists.intents).map(({ id }) => id),
    conflicts: first(lists.conflicts).map(conflictForm),
    is_complete: !isCut && (moment.unseen?.size ?? 0) === 0,
  };
}

/** The records that overlap what a run holds or has announced. */
class Surroundings {
  /** All leases of the run. */
  readonly leases: Lease[];
  /** The intents of the run that are not done. */
  readonly intents: readonly Intent[];
  readonly #known = new Map<string, Lease | undefined>();
  /** The held leases that overlap those of the run, and those of the run itself. */
  readonly #held: readonly Lease[];
  /** The intents of other runs that overlap, and those of the run itself. */
  readonly #intents: readonly Intent[];

  constructor(
    private readonly swarm: Swarm,
    private readonly moment: Moment,
    private readonly run: string,
  ) {
    const [, reservationIndex, intents, intentIndex, reservationsByRun] = swarm.parts;
    this.leases = this.#leasesOf(reservationsByRun.get(run) ?? []);
    const own = this.leases.filter(isHeld);
    const addresses = own.flatMap((lease) => lease.addresses);
    this.#held = [...new Set([...own, ...this.#leasesOf(ownersAt(reservationIndex, addresses)).filter(isHeld)])];
    const announced = [...intents.values()].filter((intent) => intent.run === run);
    this.intents = this.#notDone(announced.map(({ id }) => id)).sort((a, b) => (a.id < b.id ? -1 : 1));
    const wanted = this.intents.flatMap((intent) => intent.addresses);
    const overlapping = ownersAt(intentIndex, [...addresses, ...wanted]);
    for (const { id } of announced) overlapping.delete(id);
    this.#intents = [...this.intents, ...this.#notDone(overlapping)];
  }

  waits(): Wait[] {
    const [, reservationIndex, , , , tasks] = this.swarm.parts;
    return [...intentWaits(this.#intents, reservationIndex, this.#leaseOf), ...tasks.waitsOf(this.run, this.moment)];
  }

  conflicts(): Conflict[] {
    const [, reservationIndex, , intentIndex] = this.swarm.parts;
    return [
      ...addressOverlaps(this.#held, reservationIndex, this.#leaseOf),
      ...operationConflicts(this.#intents, intentIndex, (id) => this.#notDone([id])[0]),
    ].filter(({ parties }) => parties.some((party) => party.run === this.run));
  }

  readonly #leaseOf = (id: string): Lease | undefined => {
    if (!this.#known.has(id)) this.#known.set(id, this.swarm.lease(id, this.moment));
    return this.#known.get(id);
  };

  #leasesOf(ids: Iterable<string>): Lease[] {
    return [...ids].map((id) => this.#leaseOf(id)!);
  }

  #notDone(ids: Iterable<string>): Intent[] {
    const [leases, , intents, , reservationsByRun] = this.swarm.parts;
    return [...ids]
      .map((id) => withState(intents.get(id)!, leases, reservationsByRun, this.#leaseOf, this.moment))
      .filter(({ state }) => state.is !== 'done');
  }
}

function ownersAt(index: AddressIndex, addresses: readonly Address[]): Set<string> {
  const owners = new Set<string>();
  for (const address of addresses) for (const { owner } of index.overlapping(address)) owners.add(owner);
  return owners;
}

function waitForm({ run, branch, for: other, isSameBranch, by, record, wanted, blockedBy }: Wait): WaitForm {
  return {
    run_id: run ?? null,
    branch: branch ?? null,
    for: other ?? null,
    same_branch: isSameBranch,
    by,
    record,
    wanted,
    blocked_by: blockedBy,
  };
}
