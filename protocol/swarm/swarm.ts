import { recordKey } from '../records/record-name.js';
import type { Kind } from '../records/kinds.js';
import type { FieldProblem } from './fields.js';
import { normalBranch, type Address, type AddressContext } from './address.js';
import { AddressIndex } from './address-index.js';
import { agentsOf, byEnd, type Agent } from './agents.js';
import { addressOverlaps, operationConflicts, type Conflict } from './conflicts.js';
import { findCycles } from './cycles.js';
import { readIntent, withState, type Intent, type IntentFacts } from './intents.js';
import { isHeld, LeaseTable, type Lease } from './leases.js';
import { isUnseen, type Moment } from './moment.js';
import { addTo, removeFrom } from './sets.js';
import { Signs } from './signs.js';
import type { SwarmRecord } from './swarm-record.js';
import { TaskTable } from './task-table.js';
import type { Task } from './tasks.js';
import { intentWaits, waitGraph, type Wait } from './waits.js';

export interface BranchOption {
  /** Selects the leases on this branch, by its short or full name. A lease without a branch is on every branch. */
  readonly branch?: string | undefined;
}

/**
 * Which leases hold some addresses. `free` is `unknown` if no holder is known, but reservations cannot be seen or some could
 * never be read.
 */
export interface Holding {
  readonly free: 'yes' | 'no' | 'unknown';
  /** The leases that hold any of the addresses, ordered by their end. */
  readonly holders: readonly Lease[];
  /** The ids of held reservations that could never be read, or have more addresses than are read: they may hold any address. */
  readonly unread: readonly string[];
  /** Whether all reservations can be seen. */
  readonly isSeen: boolean;
}

/** A record with fields that are not valid. */
export interface RecordProblem {
  readonly kind: Kind;
  readonly id: string;
  readonly problems: readonly FieldProblem[];
}

/** The parts of a {@link Swarm}; a tuple, because each name would be in the bundle of every page. */
export type SwarmParts = readonly [
  leases: LeaseTable,
  reservationIndex: AddressIndex,
  intents: ReadonlyMap<string, IntentFacts>,
  intentIndex: AddressIndex,
  reservationsByRun: ReadonlyMap<string | undefined, ReadonlySet<string>>,
  tasks: TaskTable,
];

/**
 * The one model of the swarm: who holds, who waits, who contends. Records are put and dropped, and each is read once. Every
 * question names a moment. Every surface answers from this model. Pure: no clock, no I/O.
 */
export class Swarm {
  readonly #leases: LeaseTable;
  readonly #reservationIndex = new AddressIndex();
  readonly #intents = new Map<string, IntentFacts>();
  readonly #intentIndex = new AddressIndex();
  readonly #tasks: TaskTable;
  readonly #signs = new Signs();
  readonly #reservationsByRun = new Map<string | undefined, Set<string>>();
  /** The records of the last call of {@link replace}. */
  #known = new Map<string, SwarmRecord>();
  /** The ids of reservations that may hold more than was read of them. */
  readonly #unread = new Set<string>();

  constructor(private readonly context: AddressContext = {}) {
    this.#leases = new LeaseTable(context);
    this.#tasks = new TaskTable(context);
  }

  /** Puts a record with its current data. */
  put(record: SwarmRecord): void {
    const { kind, id } = record;
    this.drop(kind, id);
    this.#signs.put(record);
    switch (kind) {
      case 'reservation':
      case 'heartbeat':
      case 'release': {
        const put = this.#leases.put(record);
        if (!put) return;
        const { readability, mayHoldMore, addresses, run } = put.after;
        addTo(this.#reservationsByRun, run, id);
        if (mayHoldMore) this.#unread.add(id);
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
      case 'claim':
      case 'dependency':
        this.#tasks.put(kind, record);
        return;
    }
  }

  /**
   * Replaces all records by these. A record that is the same object as in the last call is not read again. So a caller with
   * immutable records need not say which have changed.
   */
  replace(records: Iterable<SwarmRecord>): void {
    const before = this.#known;
    const after = new Map<string, SwarmRecord>();
    for (const record of records) {
      const key = recordKey(record.kind, record.id);
      after.set(key, record);
      if (before.get(key) !== record) this.put(record);
      before.delete(key);
    }
    for (const { kind, id } of before.values()) this.drop(kind, id);
    this.#known = after;
  }

  /** Replaces only what has changed since the last call of {@link replace}; `undefined`: the record is gone. */
  change(changes: ReadonlyMap<string, SwarmRecord | undefined>): void {
    for (const [key, record] of changes) {
      const before = this.#known.get(key);
      if (record === before) continue;
      if (record) {
        this.#known.set(key, record);
        this.put(record);
      } else if (before) {
        this.#known.delete(key);
        this.drop(before.kind, before.id);
      }
    }
  }

  /** Drops a removed record. */
  drop(kind: Kind, id: string): void {
    this.#signs.drop(kind, id);
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
      case 'claim':
      case 'dependency':
        this.#tasks.drop(kind, id);
        return;
    }
  }

  /** The indexes, from which `RunSituations` finds what concerns one run without reading everything. */
  get parts(): SwarmParts {
    return [
      this.#leases,
      this.#reservationIndex,
      this.#intents,
      this.#intentIndex,
      this.#reservationsByRun,
      this.#tasks,
    ];
  }

  lease(reservation: string, moment: Moment): Lease | undefined {
    return this.#leases.at(reservation, moment);
  }

  /** Returns the lease of every reservation, also if it has ended, ordered by the end. */
  leases(moment: Moment, { branch }: BranchOption = {}): Lease[] {
    const leases = this.#allLeases(moment);
    return (branch === undefined ? leases : leases.filter((lease) => isOn(lease, branch))).sort(byEnd);
  }

  #allLeases(moment: Moment): Lease[] {
    const leases: Lease[] = [];
    for (const id of this.#leases.ids()) leases.push(this.#leases.at(id, moment)!);
    return leases;
  }

  /** Returns the leases that hold their addresses, ordered by their end. */
  held(moment: Moment, options: BranchOption = {}): Lease[] {
    return this.leases(moment, options).filter(isHeld);
  }

  /** Returns which leases hold any of the addresses, or an address that one of them covers or that covers one of them. */
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

  /** Returns collisions and merge risks, then operations that exclude each other. */
  conflicts(moment: Moment): Conflict[] {
    const leaseOf = this.#leaseAt(moment);
    const open = this.intents(moment).filter(({ state }) => state.is !== 'done');
    const byId = new Map(open.map((intent) => [intent.id, intent]));
    return [
      ...addressOverlaps(this.#allLeases(moment), this.#reservationIndex, leaseOf),
      ...operationConflicts(open, this.#intentIndex, (id) => byId.get(id)),
    ];
  }

  /** Returns all intents, ordered by id. */
  intents(moment: Moment): Intent[] {
    const leaseOf = this.#leaseAt(moment);
    return [...this.#intents.values()]
      .map((intent) => withState(intent, this.#leases, this.#reservationsByRun, leaseOf, moment))
      .sort(byId);
  }

  /** Returns all runs, also those that are over, ordered by name. */
  agents(moment: Moment): Agent[] {
    return agentsOf(this.leases(moment), this.intents(moment), this.#signs.all(), moment);
  }

  /** Returns all tasks with their claims, ordered by id. */
  tasks(moment: Moment): Task[] {
    return [...this.#tasks.tasks(moment)];
  }

  /** Returns which runs wait for which. */
  waits(moment: Moment): Wait[] {
    const intents = this.intents(moment);
    return [...intentWaits(intents, this.#reservationIndex, this.#leaseAt(moment)), ...this.#tasks.waits(moment)];
  }

  /** Returns the cycles of tasks or reservations that depend on one another, so that none can begin. */
  dependencyCycles(): string[][] {
    return this.#tasks.dependencyCycles();
  }

  /** Returns the cycles of runs that wait for one another. */
  deadlocks(moment: Moment): string[][] {
    return findCycles(waitGraph(this.waits(moment)));
  }

  /** Returns the records with fields that are not valid, grouped by kind. */
  problems(): RecordProblem[] {
    const facts: readonly (readonly [Kind, Iterable<Omit<RecordProblem, 'kind'>>])[] = [
      ['reservation', [...this.#leases.ids()].map((id) => this.#leases.facts(id)!)],
      ['intent', this.#intents.values()],
      ['release', this.#leases.releases()],
      ['heartbeat', this.#leases.beats()],
      ...this.#tasks.facts,
    ];
    return facts.flatMap(([kind, all]) =>
      [...all].flatMap(({ id, problems }) => (problems.length > 0 ? [{ kind, id, problems }] : [])),
    );
  }

  #leaseAt(moment: Moment): (id: string) => Lease | undefined {
    return (id) => this.#leases.at(id, moment);
  }
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

function isOn({ branch: own }: Lease, branch: string | undefined): boolean {
  return branch === undefined || own === undefined || own === normalBranch(branch);
}
