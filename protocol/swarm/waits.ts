import type { AddressIndex } from './address-index.js';
import { sideOf } from './conflicts.js';
import type { Intent } from './intents.js';
import { isHeld, type Lease } from './leases.js';
import type { Task } from './tasks.js';

/** A run that wants something that another run has. */
export interface Wait {
  readonly run: string | undefined;
  readonly branch: string | undefined;
  /** The run that it waits for. */
  readonly for: string | undefined;
  /** Whether both are on one branch. If not, they meet only in a merge. */
  readonly isSameBranch: boolean;
  /** An intent on an address that the other holds, or a task that depends on one that the other has claimed. */
  readonly by: 'intent' | 'dependency';
  /** Id of the intent, or of the task that waits. */
  readonly record: string;
  /** What the run waits for: the address in the intent, or the name of the task. */
  readonly wanted: string;
  /** Id of the reservation, or of the claim, that blocks it. */
  readonly blockedBy: string;
}

/** Returns the waits of intents. @param index the addresses of reservations. @param lease returns the lease of an id. */
export function intentWaits(
  intents: readonly Intent[],
  index: AddressIndex,
  lease: (id: string) => Lease | undefined,
): Wait[] {
  const waits: Wait[] = [];
  for (const { id, run, branch, state, addresses } of intents) {
    if (state.is === 'done') continue;
    for (const address of addresses) {
      const holders = [...index.overlapping(address)]
        .map(({ owner }) => lease(owner))
        .filter((other): other is Lease => other !== undefined && isHeld(other));
      // A run that also holds the address contends; only a run that does not hold it waits.
      if (holders.some((other) => other.run === run)) continue;
      const sides = new Map<string, Lease>();
      for (const other of holders) {
        const known = sides.get(sideOf(other.run, other.branch));
        if (!known || other.reservation < known.reservation) sides.set(sideOf(other.run, other.branch), other);
      }
      for (const other of sides.values()) {
        const isSameBranch = branch === undefined || other.branch === undefined || branch === other.branch;
        const blockedBy = other.reservation;
        waits.push({
          run,
          branch,
          for: other.run,
          isSameBranch,
          by: 'intent',
          record: id,
          wanted: address.text,
          blockedBy,
        });
      }
    }
  }
  return waits;
}

/** Returns the waits of runs whose task depends on a task that another run has claimed and not finished. */
export function taskWaits(tasks: readonly Task[]): Wait[] {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  return tasks.flatMap((task) =>
    task.waitsFor.flatMap((name) => {
      const other = byName.get(name);
      if (task.claimedBy === undefined || other?.claimedBy === undefined || other.claimedBy === task.claimedBy)
        return [];
      const wait = { run: task.claimedBy, branch: undefined, for: other.claimedBy, isSameBranch: true };
      return [
        { ...wait, by: 'dependency' as const, record: task.id, wanted: name, blockedBy: other.claim ?? other.id },
      ];
    }),
  );
}

/** Returns the runs that each run waits for. A cycle in this graph is a deadlock. */
export function waitGraph(waits: readonly Wait[]): Map<string, readonly string[]> {
  const graph = new Map<string, Set<string>>();
  for (const { run, for: other } of waits) {
    if (run === undefined || other === undefined) continue;
    const others = graph.get(run);
    if (others) others.add(other);
    else graph.set(run, new Set([other]));
  }
  return new Map([...graph].map(([run, others]) => [run, [...others].sort()]));
}
