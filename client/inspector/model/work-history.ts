import type { Kind } from '../../../protocol/index.js';
import { textOf } from './entry.js';
import type { ReplayedRecord, ReplayedState } from './replayed-state.js';

/** The kinds of record in the history of a piece of work, in the usual order. */
export const WORK_KINDS = [
  'task',
  'claim',
  'reservation',
  'intent',
  'heartbeat',
  'release',
  'dependency',
] as const satisfies Kind[];

export interface WorkStep {
  readonly kind: (typeof WORK_KINDS)[number];
  /** Oldest first. */
  readonly records: readonly ReplayedRecord[];
}

/**
 * Returns the records of one piece of work: those that name the same reservation or task, directly or through each other. A dependency
 * belongs to the work on either side of it, but does not join the two.
 */
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
      if (kind === 'dependency') continue;
      for (const record of replayed.byKind[kind].values()) {
        const { reservation, task } = namesOf(record);
        const belongs =
          (reservation !== undefined && names.reservation.has(reservation)) ||
          (task !== undefined && names.task.has(task));
        if (belongs) take(record);
      }
    }
  }
  for (const record of replayed.byKind.dependency.values()) {
    if (sidesOf(record).some((name) => names.task.has(name as string) || names.reservation.has(name as string)))
      found.add(record);
  }
  return WORK_KINDS.map((kind) => ({
    kind,
    records: [...found].filter((record) => record.kind === kind).sort((a, b) => a.firstMs - b.firstMs),
  }));
}

/** The fields in which a dependency may name its two sides. No public document specifies them. */
const SIDE_FIELDS = [
  'task_id',
  'reservation_id',
  'task',
  'from',
  'source',
  'blocked',
  'depends_on',
  'dependencies',
  'requires',
  'blocked_by',
  'waits_for',
  'to',
  'target',
];

function sidesOf({ data }: ReplayedRecord): unknown[] {
  return SIDE_FIELDS.flatMap((field) => data[field] as unknown);
}

function namesOf({ kind, id, data }: ReplayedRecord): { readonly reservation?: string; readonly task?: string } {
  const reservation = textOf(data, 'reservation_id') ?? (kind === 'reservation' ? id : undefined);
  const task = textOf(data, 'task_id') ?? textOf(data, 'task') ?? (kind === 'task' ? id : undefined);
  return { ...(reservation === undefined ? {} : { reservation }), ...(task === undefined ? {} : { task }) };
}
