import type { AddressContext } from './address.js';
import { findCycles } from './cycles.js';
import { isUnseen, type Moment } from './moment.js';
import type { SwarmRecord } from './swarm-record.js';
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
import { taskWaits, type Wait } from './waits.js';

type TaskKind = 'task' | 'claim' | 'dependency';
type Board = readonly [tasks: readonly Task[], waits: readonly Wait[], byRun: ReadonlyMap<string, readonly Wait[]>];

/** The tasks, with the claims and dependencies that name them. Records may be put in any order. */
export class TaskTable {
  readonly #tasks = new Map<string, TaskFacts>();
  readonly #claims = new Map<string, ClaimFacts>();
  readonly #dependencies = new Map<string, DependencyFacts>();
  /**
   * What follows from the records, made at the first question after a change and then shared, because a server answers what concerns
   * one run after another. It is the same at every time; only whether claims can be seen makes a difference.
   */
  readonly #boards = new Map<boolean, Board>();

  constructor(private readonly context: AddressContext) {}

  put(kind: TaskKind, record: SwarmRecord): void {
    this.#boards.clear();
    switch (kind) {
      case 'task':
        return setIfRead(this.#tasks, record.id, readTask(record, this.context));
      case 'claim':
        return setIfRead(this.#claims, record.id, readClaim(record));
      case 'dependency':
        return setIfRead(this.#dependencies, record.id, readDependency(record));
    }
  }

  drop(kind: TaskKind, id: string): void {
    this.#boards.clear();
    ({ task: this.#tasks, claim: this.#claims, dependency: this.#dependencies })[kind].delete(id);
  }

  /** Returns all tasks with their claims, ordered by id. */
  tasks(moment: Moment): readonly Task[] {
    return this.#board(moment)[0];
  }

  /** Returns the waits of runs whose task depends on another run's. */
  waits(moment: Moment): readonly Wait[] {
    return this.#board(moment)[1];
  }

  /** Returns those in which a run waits or is waited for. */
  waitsOf(run: string, moment: Moment): readonly Wait[] {
    return this.#board(moment)[2].get(run) ?? [];
  }

  dependencyCycles(): string[][] {
    return findCycles(dependencyGraph(this.#dependencies.values()));
  }

  /** The facts of each kind. */
  get facts(): readonly (readonly [TaskKind, Iterable<TaskFacts | ClaimFacts | DependencyFacts>])[] {
    return [
      ['task', this.#tasks.values()],
      ['claim', this.#claims.values()],
      ['dependency', this.#dependencies.values()],
    ];
  }

  #board(moment: Moment): Board {
    const isHidden = isUnseen(moment, 'claim');
    const known = this.#boards.get(isHidden);
    if (known) return known;
    const dependsOn = dependencyGraph(this.#dependencies.values());
    const tasks = taskBoard([...this.#tasks.values()], this.#claims.values(), dependsOn, moment).sort(byId);
    const waits = taskWaits(tasks);
    const byRun = new Map<string, Wait[]>();
    for (const wait of waits)
      for (const run of new Set([wait.run, wait.for])) {
        if (run === undefined) continue;
        const own = byRun.get(run);
        if (own) own.push(wait);
        else byRun.set(run, [wait]);
      }
    const board: Board = [tasks, waits, byRun];
    this.#boards.set(isHidden, board);
    return board;
  }
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

function setIfRead<T>(facts: Map<string, T>, id: string, read: T | undefined): void {
  if (read !== undefined) facts.set(id, read);
}
