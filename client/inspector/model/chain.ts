import type { Kind } from '../../../protocol/index.js';
import { textOf } from './entry.js';
import type { Standing, World } from './world.js';

/** The story of a piece of work, in the order it is told. */
export const CHAIN_KINDS = ['task', 'claim', 'reservation', 'intent', 'heartbeat', 'release'] as const satisfies Kind[];

export interface ChainLink {
  readonly kind: (typeof CHAIN_KINDS)[number];
  /** Oldest first. */
  readonly records: readonly Standing[];
}

/**
 * The records that belong to one piece of work: those that name the same reservation or task, directly or through each
 * other.
 */
export function chainOf(world: World, start: Standing): ChainLink[] {
  const names = { reservation: new Set<string>(), task: new Set<string>() };
  const found = new Set<Standing>();
  const take = (record: Standing): boolean => {
    if (found.has(record)) return false;
    found.add(record);
    const { reservation, task } = namesOf(record);
    if (reservation !== undefined) names.reservation.add(reservation);
    if (task !== undefined) names.task.add(task);
    return true;
  };
  take(start);
  // Twice: a task found through the reservation may bring its claim.
  for (let round = 0; round < 2; round++) {
    for (const kind of CHAIN_KINDS) {
      for (const record of world.byKind[kind].values()) {
        const { reservation, task } = namesOf(record);
        const belongs =
          (reservation !== undefined && names.reservation.has(reservation)) ||
          (task !== undefined && names.task.has(task));
        if (belongs) take(record);
      }
    }
  }
  return CHAIN_KINDS.map((kind) => ({
    kind,
    records: [...found].filter((record) => record.kind === kind).sort((a, b) => a.firstMs - b.firstMs),
  }));
}

function namesOf({ kind, id, data }: Standing): { readonly reservation?: string; readonly task?: string } {
  const reservation = textOf(data, 'reservation_id') ?? (kind === 'reservation' ? id : undefined);
  const task = textOf(data, 'task_id') ?? (kind === 'task' ? id : undefined);
  return { ...(reservation === undefined ? {} : { reservation }), ...(task === undefined ? {} : { task }) };
}
