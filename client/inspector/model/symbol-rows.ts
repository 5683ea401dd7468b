import type { Contest } from './contention.js';
import { isHeld, type Lease } from './lease.js';
import type { ReplayedRecord } from './replayed-state.js';
import { symbolRows, symbolTree, type SymbolNode, type SymbolRow } from './symbol-tree.js';
import type { WaitLine } from './waits.js';

/**
 * The rows of the tree of symbols. Heartbeats and time change nothing in it, so the last tree is kept: to make one of twenty thousand leases
 * several times a second would leave hundreds of megabytes of garbage.
 */
export class SymbolRows {
  #held = new Map<ReplayedRecord, boolean>();
  #others = '';
  #nodes: readonly SymbolNode[] = [];
  #closed = '';
  #rows: readonly SymbolRow[] | undefined;

  of(
    leases: readonly Lease[],
    contests: readonly Contest[],
    waits: readonly WaitLine[],
    closed: readonly string[],
  ): readonly SymbolRow[] {
    const others = JSON.stringify([
      contests.map(({ address, conflict }) => [address, conflict.type]),
      waits.map(({ by, wanted, waiters }) => [by, wanted, waiters.map(({ run }) => run)]),
    ]);
    if (others !== this.#others || !this.#isSame(leases)) {
      this.#others = others;
      this.#held = new Map(leases.map((lease) => [lease.reservation, isHeld(lease)]));
      this.#nodes = symbolTree(leases, contests, waits);
      this.#rows = undefined;
    }
    const closedKey = JSON.stringify(closed);
    if (closedKey !== this.#closed) this.#rows = undefined;
    this.#closed = closedKey;
    return (this.#rows ??= symbolRows(this.#nodes, new Set(closed)));
  }

  /** In any order: a lease that is extended only changes its place. */
  #isSame(leases: readonly Lease[]): boolean {
    return (
      leases.length === this.#held.size && leases.every((lease) => this.#held.get(lease.reservation) === isHeld(lease))
    );
  }
}
