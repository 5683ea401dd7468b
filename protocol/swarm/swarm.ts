import type { Kind } from '../records/kinds.js';
import { FieldReader, type FieldProblem } from './fields.js';
import { normalBranch, type Address, type AddressContext } from './address.js';
import { AddressIndex } from './address-index.js';
import { agentsOf, byEnd, type Agent, type Sign } from './agents.js';
import { addressOverlaps, operationConflicts, type Conflict } from './conflicts.js';
import { findCycles } from './cycles.js';
import { intentState, readIntent, type Intent, type IntentFacts } from './intents.js';
import { addTo, isHeld, LeaseTable, removeFrom, type Lease } from './leases.js';
import { isUnseen, type Moment } from './moment.js';
import { readabilityOf, type SwarmRecord } from './swarm-record.js';
import { dependencyGraph, taskBoard } from './task-board.js';
import {
  readClaim,
  readDependency,
  readTask,
  type ClaimFacts,
  type DependencyFacts,
  type Task,
  type TaskFacts,
} from './tasks.js';
import { intentWaits, taskWaits, waitGraph, type Wait } from './waits.js';

export interface BranchOption {
  /** Only leases on this branch, by its short or full name; a lease that names none is on any. */
  readonly branch?: string | undefined;
}

/**
 * Who holds some addresses. `free: 'unknown'` where nobody is known to and that proves nothing: reservations cannot be seen, or
 * some of them never could be read.
 */
export interface Holding {
  readonly free: 'yes' | 'no' | 'unknown';
  /** The leases that hold, the first to end first. */
  readonly holders: readonly Lease[];
  /** Ids of reservations that never could be read: they may hold anything. */
  readonly unread: readonly string[];
  /** Whether all reservations can be seen. */
  readonly isSeen: boolean;
}

/** A record with fields that do not say what they should. */
export interface RecordProblem {
  readonly kind: Kind;
  readonly id: string;
  readonly problems: readonly FieldProblem[];
}

const SIGN_TIMES = ['last_beat_at', 'released_at', 'claimed_at', 'completed_at', 'updated_at', 'created_at'] as const;

/**
 * The one model of the swarm: who holds, who waits, who contends. Told of records as they come and go, each read once, and
 * asked at a moment. Every surface answers from it. Pure: no clock, no I/O.
 */
export class Swarm {
  readonly #leases: LeaseTable;
  readonly #reservationIndex = new AddressIndex();
  readonly #intents = new Map<string, IntentFacts>();
  readonly #intentIndex = new AddressIndex();
  readonly #tasks = new Map<string, TaskFacts>();
  readonly #claims = new Map<string, ClaimFacts>();
  readonly #dependencies = new Map<string, DependencyFacts>();
  readonly #signs = new Map<string, Sign>();
  readonly #reservationsByRun = new Map<string | undefined, Set<string>>();
  /** What {@link replace} was given last. */
  #known = new Map<string, SwarmRecord>();
  /** Reservations of which nothing was ever read. */
  readonly #unread = new Set<string>();

  constructor(private readonly context: AddressContext = {}) {
    this.#leases = new LeaseTable(context);
  }

  /** A record exists with this data now. */
  put(record: SwarmRecord): void {
    const { kind, id } = record;
    this.drop(kind, id);
    this.#signs.set(keyOf(kind, id), readSign(record));
    switch (kind) {
      case 'reservation':
      case 'heartbeat':
      case 'release': {
        const put = this.#leases.put(record);
        if (!put) return;
        const { readability, isEmpty, addresses, run } = put.after;
        addTo(this.#reservationsByRun, run, id);
        if (readability === 'unreadable' && isEmpty) this.#unread.add(id);
        if (readability !== 'none') for (const address of addresses) this.#reservationIndex.add(id, address);
        return;
      }
      case 'intent': {
        const intent = readIntent(record, this.context);
        if (!intent) return;
        this.#intents.set(id, intent);
        for (const address of intent.addresses) this.#intentIndex.add(id, address);
        return;
      }
      case 'task':
        return setIfRead(this.#tasks, id, readTask(record, this.context));
      case 'claim':
        return setIfRead(this.#claims, id, readClaim(record));
      case 'dependency':
        return setIfRead(this.#dependencies, id, readDependency(record));
    }
  }

  /**
   * Exactly these records exist now. A record that is the same object as the last time is not read again; so that whoever
   * keeps records that never change need not say what has.
   */
  replace(records: Iterable<SwarmRecord>): void {
    const before = this.#known;
    const after = new Map<string, SwarmRecord>();
    for (const record of records) {
      const key = keyOf(record.kind, record.id);
      after.set(key, record);
      if (before.get(key) !== record) this.put(record);
      before.delete(key);
    }
    for (const { kind, id } of before.values()) this.drop(kind, id);
    this.#known = after;
  }

  /** A record is gone. */
  drop(kind: Kind, id: string): void {
    this.#signs.delete(keyOf(kind, id));
    switch (kind) {
      case 'reservation':
      case 'heartbeat':
      case 'release': {
        const before = this.#leases.drop(kind, id);
        if (!before) return;
        this.#unread.delete(id);
        removeFrom(this.#reservationsByRun, before.run, id);
        for (const address of before.addresses) this.#reservationIndex.remove(id, address);
        return;
      }
      case 'intent': {
        for (const address of this.#intents.get(id)?.addresses ?? []) this.#intentIndex.remove(id, address);
        this.#intents.delete(id);
        return;
      }
      case 'task':
        this.#tasks.delete(id);
        return;
      case 'claim':
        this.#claims.delete(id);
        return;
      case 'dependency':
        this.#dependencies.delete(id);
        return;
    }
  }

  lease(reservation: string, moment: Moment): Lease | undefined {
    return this.#leases.at(reservation, moment);
  }

  /** Every reservation as the lease it is, also those that have ended; the first to end first. */
  leases(moment: Moment, { branch }: BranchOption = {}): Lease[] {
    const leases: Lease[] = [];
    for (const id of this.#leases.ids()) {
      const lease = this.#leases.at(id, moment)!;
      if (isOn(lease, branch)) leases.push(lease);
    }
    return leases.sort(byEnd);
  }

  /** The leases that hold, the first to end first. */
  held(moment: Moment, options: BranchOption = {}): Lease[] {
    return this.leases(moment, options).filter(isHeld);
  }

  /** Who holds any of some addresses, or anything that they cover or that covers them. */
  holders(addresses: Iterable<Address>, moment: Moment, { branch }: BranchOption = {}): Holding {
    const found = new Map<string, Lease>();
    for (const address of addresses) {
      for (const { owner } of this.#reservationIndex.overlapping(address)) {
        if (found.has(owner)) continue;
        const lease = this.#leases.at(owner, moment);
        if (lease && isHeld(lease) && isOn(lease, branch)) found.set(owner, lease);
      }
    }
    const holders = [...found.values()].sort(byEnd);
    const unread = [...this.#unread].filter((id) => isHeld(this.#leases.at(id, moment)!)).sort();
    const isSeen = !isUnseen(moment, 'reservation');
    return {
      free: holders.length > 0 ? 'no' : isSeen && unread.length === 0 ? 'yes' : 'unknown',
      holders,
      unread,
      isSeen,
    };
  }

  /** Collisions and merge risks, then operations that exclude each other. */
  conflicts(moment: Moment): Conflict[] {
    const leaseOf = this.#leasesOnce(moment);
    const open = this.intents(moment).filter(({ state }) => state.is !== 'done');
    const byId = new Map(open.map((intent) => [intent.id, intent]));
    const ids = [...this.#leases.ids()];
    const leases = ids.map(leaseOf).filter((lease) => lease !== undefined);
    return [
      ...addressOverlaps(leases, this.#reservationIndex, leaseOf),
      ...operationConflicts(open, this.#intentIndex, (id) => byId.get(id)),
    ];
  }

  /** All intents, by id. */
  intents(moment: Moment): Intent[] {
    const leaseOf = this.#leasesOnce(moment);
    const all = (ids: Iterable<string>): Lease[] => [...ids].map((id) => leaseOf(id)!);
    return [...this.#intents.values()]
      .map((intent) => {
        const named = intent.reservationName === undefined ? [] : all(this.#leases.named(intent.reservationName));
        const own = intent.reservationName === undefined ? all(this.#reservationsByRun.get(intent.run) ?? []) : [];
        return { ...intent, state: intentState(intent, named, own, moment) };
      })
      .sort(byId);
  }

  /** All runs, by name, also those that are history. */
  agents(moment: Moment): Agent[] {
    return agentsOf(this.leases(moment), this.intents(moment), this.#signs.values(), moment);
  }

  /** All tasks with their claims, by id. */
  tasks(moment: Moment): Task[] {
    const dependsOn = dependencyGraph(this.#dependencies.values());
    return taskBoard([...this.#tasks.values()], this.#claims.values(), dependsOn, moment).sort(byId);
  }

  /** Who waits for whom. */
  waits(moment: Moment): Wait[] {
    const intents = this.intents(moment);
    return [
      ...intentWaits(intents, this.#reservationIndex, this.#leasesOnce(moment)),
      ...taskWaits(this.tasks(moment)),
    ];
  }

  /** Tasks or reservations that depend on one another, so that none can begin. */
  dependencyCycles(): string[][] {
    return findCycles(dependencyGraph(this.#dependencies.values()));
  }

  /** Runs that wait for one another. */
  deadlocks(moment: Moment): string[][] {
    return findCycles(waitGraph(this.waits(moment)));
  }

  /** Records that say something else than they should, by kind and id. */
  problems(): RecordProblem[] {
    const found: RecordProblem[] = [];
    const note = (kind: Kind, id: string, problems: readonly FieldProblem[]): void => {
      if (problems.length > 0) found.push({ kind, id, problems });
    };
    for (const id of this.#leases.ids()) note('reservation', id, this.#leases.facts(id)!.problems);
    for (const { id, problems } of this.#intents.values()) note('intent', id, problems);
    for (const { id, problems } of this.#leases.releases()) note('release', id, problems);
    for (const { id, problems } of this.#leases.beats()) note('heartbeat', id, problems);
    for (const { id, problems } of this.#tasks.values()) note('task', id, problems);
    for (const { id, problems } of this.#claims.values()) note('claim', id, problems);
    for (const { id, problems } of this.#dependencies.values()) note('dependency', id, problems);
    return found;
  }

  /** A lease is asked for by many at one moment. */
  #leasesOnce(moment: Moment): (id: string) => Lease | undefined {
    const known = new Map<string, Lease | undefined>();
    return (id) => {
      if (!known.has(id)) known.set(id, this.#leases.at(id, moment));
      return known.get(id);
    };
  }
}

const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

function isOn({ branch: own }: Lease, branch: string | undefined): boolean {
  return branch === undefined || own === undefined || own === normalBranch(branch);
}

function readSign(record: SwarmRecord): Sign {
  if (readabilityOf(record) === 'none') return { run: undefined, branch: undefined, saidAt: undefined };
  const fields = new FieldReader(record.data);
  let saidAt: Sign['saidAt'];
  for (const field of SIGN_TIMES) {
    const time = fields.time(field);
    if (time !== undefined && time > (saidAt ?? -Infinity)) saidAt = time;
  }
  return { run: fields.text('run_id', 'claimed_by'), branch: fields.branch(), saidAt };
}

function setIfRead<T>(facts: Map<string, T>, id: string, read: T | undefined): void {
  if (read !== undefined) facts.set(id, read);
}
