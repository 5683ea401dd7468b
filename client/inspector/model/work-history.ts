import type { Kind } from '../../../protocol/index.js';
import { textOf } from './entry.js';
import type { ReplayedRecord, ReplayedState } from './replayed-state.js';

/** The kinds of record in the history of a piece of work, in the usual order. */
export const WORK_KINDS = ['task', 'claim', 'reservation', 'intent', 'heartbeat', 'release'] as const satisfies Kind[];

export interface WorkStep {
  readonly kind: (typeof WORK_KINDS)[number];
  /** Oldest first. */
  readonly records: readonly ReplayedRecord[];
}

/** Returns the records of one piece of work: those that name the same reservation or task, directly or through each other. */
export function workHistoryOf(replayed: ReplayedState, start: ReplayedRecord): WorkStep[] {
  const names = { reservation: new Set<string>(), task: new Set<string>() };
  const found = new Set<ReplayedRecord>();
  const take = (record: ReplayedRecord): boolean => {
    if (found.has(record)) return false;
    found.add(record);
    const { reservation, task } = namesOf(record);
    if (reservation !== undefined) names.reservation.add(reservation);
    if (task !== undefined) names.task.add(task);
    return true;
  };
  take(start);
  // Two rounds, because a task found through the reservation may bring its claim.
  for (let round = 0; round < 2; round++) {
    for (const kind of WORK_KINDS) {
      for (const record of replayed.byKind[kind].values()) {
        const { reservation, task } = namesOf(record);
        const belongs =
          (reservation !== undefined && names.reservation.has(reservation)) ||
          (task !== undefined && names.task.has(task));
        if (belongs) take(record);
      }
    }
  }
  return WORK_KINDS.map((kind) => ({
    kind,
    records: [...found].filter((record) => record.kind === kind).sort((a, b) => a.firstMs - b.firstMs),
  }));
}

function namesOf({ kind, id, data }: ReplayedRecord): { readonly reservation?: string; readonly task?: string } {
  const reservation = textOf(data, 'reservation_id') ?? (kind === 'reservation' ? id : undefined);
  const task = textOf(data, 'task_id') ?? (kind === 'task' ? id : undefined);
  return { ...(reservation === undefined ? {} : { reservation }), ...(task === undefined ? {} : { task }) };
}
