import type { Moment } from './moment.js';
import { taskState, type ClaimFacts, type DependencyFacts, type Task, type TaskFacts } from './tasks.js';

/** Returns each task with its claim and the names of the tasks that it waits for, in the order of `tasks`. */
export function taskBoard(
  tasks: readonly TaskFacts[],
  claims: Iterable<ClaimFacts>,
  dependsOn: ReadonlyMap<string, readonly string[]>,
  moment: Moment,
): Task[] {
  const claimOf = new Map<string, ClaimFacts>();
  for (const claim of claims) {
    const known = claimOf.get(claim.task);
    // Of two claims the earlier one counts: the agent that creates its file first has the task.
    if (!known || isEarlier(claim, known)) claimOf.set(claim.task, claim);
  }
  const states = new Map(tasks.map((task) => [task.name, taskState(task, claimOf.get(task.name), moment)]));
  return tasks.map((task) => {
    const claim = claimOf.get(task.name);
    const state = states.get(task.name)!;
    const waitsFor = (dependsOn.get(task.name) ?? []).filter((name) => states.get(name) !== 'done');
    const claimedBy = claim?.run ?? (state === 'claimed' ? task.run : undefined);
    return { ...task, claimedBy, claim: claim?.id, state, waitsFor };
  });
}

/** Returns the names that each name depends on, without duplicates and sorted. */
export function dependencyGraph(dependencies: Iterable<DependencyFacts>): Map<string, readonly string[]> {
  const graph = new Map<string, readonly string[]>();
  for (const { name, dependsOn } of dependencies)
    if (name !== undefined) graph.set(name, [...new Set([...(graph.get(name) ?? []), ...dependsOn])].sort());
  return graph;
}

const isEarlier = (a: ClaimFacts, b: ClaimFacts): boolean => {
  const earlier = (a.claimedAt ?? Infinity) - (b.claimedAt ?? Infinity);
  return earlier < 0 || (earlier === 0 && a.id < b.id) || (Number.isNaN(earlier) && a.id < b.id);
};
