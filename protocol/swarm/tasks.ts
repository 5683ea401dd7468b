import type { UnixMillis } from '../brand.js';
import type { Address, AddressContext } from './address.js';
import { FieldReader, type FieldProblem } from './fields.js';
import { isUnseen, type Moment } from './moment.js';
import { readabilityOf, type SwarmRecord } from './swarm-record.js';

/**
 * The fields of a task. No public document specifies the field names of tasks, claims and dependencies, so each is looked for under several
 * names. If all of them are missing, only the record's file name counts.
 */
export interface TaskFacts {
  /** The name that claims and dependencies use for the task. */
  readonly name: string;
  readonly id: string;
  readonly title: string | undefined;
  readonly queue: string | undefined;
  readonly priority: number | undefined;
  readonly run: string | undefined;
  readonly status: TaskStatus | undefined;
  readonly addresses: readonly Address[];
  readonly createdAt: UnixMillis | undefined;
  readonly problems: readonly FieldProblem[];
}

export interface ClaimFacts {
  readonly id: string;
  readonly task: string;
  readonly run: string | undefined;
  readonly status: TaskStatus | undefined;
  readonly claimedAt: UnixMillis | undefined;
  readonly problems: readonly FieldProblem[];
}

export interface DependencyFacts {
  readonly id: string;
  readonly name: string | undefined;
  readonly dependsOn: readonly string[];
  readonly problems: readonly FieldProblem[];
}

/** `unknown`: claims cannot be seen, so the task may be pending or claimed. */
export type TaskStatus = 'pending' | 'claimed' | 'done' | 'failed' | 'cancelled' | 'unknown';

/** A task with its claim. */
export interface Task extends TaskFacts {
  readonly claimedBy: string | undefined;
  readonly claim: string | undefined;
  readonly state: TaskStatus;
  /** The tasks that it depends on and that are not done yet. */
  readonly waitsFor: readonly string[];
}

const STATUS_WORDS: Readonly<Record<Exclude<TaskStatus, 'unknown'>, readonly string[]>> = {
  pending: ['pending', 'queued', 'open', 'new', 'todo', 'ready', 'waiting', 'blocked', 'enqueued'],
  claimed: ['claimed', 'running', 'active', 'assigned', 'started', 'in_progress', 'in-progress', 'in progress'],
  done: ['done', 'complete', 'completed', 'finished', 'closed', 'success', 'succeeded', 'ok'],
  failed: ['failed', 'fail', 'failure', 'error', 'errored'],
  cancelled: ['cancelled', 'canceled', 'aborted', 'dropped'],
};

const STATUS_BY_WORD: ReadonlyMap<string, TaskStatus> = new Map(
  Object.entries(STATUS_WORDS).flatMap(([status, words]) => words.map((word) => [word, status as TaskStatus] as const)),
);

const statusOf = (fields: FieldReader): TaskStatus | undefined => {
  const said = STATUS_BY_WORD.get((fields.text('status', 'state') ?? '').trim().toLowerCase());
  if (said !== undefined) return said;
  if (fields.time('failed_at') !== undefined) return 'failed';
  return fields.time('completed_at', 'finished_at') === undefined ? undefined : 'done';
};

export function readTask(record: SwarmRecord, context?: AddressContext): TaskFacts | undefined {
  if (readabilityOf(record) === 'none') return undefined;
  const fields = new FieldReader(record.data, context);
  const payload = fields.object('payload');
  const facts = {
    id: record.id,
    name: fields.text('task_id') ?? record.id,
    title: fields.text('title', 'name', 'description'),
    queue: fields.text('queue'),
    priority: fields.number('priority'),
    run: fields.text('run_id'),
    status: statusOf(fields),
    addresses: [
      ...fields.addresses(false),
      ...(payload ? fields.addressesIn(payload, ['addresses', 'address', 'files', 'file', 'paths', 'path']) : []),
    ],
    createdAt: fields.time('created_at', 'enqueued_at'),
  };
  return { ...facts, problems: fields.problems };
}

/** Reads a claim. Muse makes a claim by creating a file that must not exist yet, so the file's name is the task's. */
export function readClaim(record: SwarmRecord): ClaimFacts | undefined {
  if (readabilityOf(record) === 'none') return undefined;
  const fields = new FieldReader(record.data);
  const facts = {
    id: record.id,
    task: fields.text('task_id', 'task') ?? record.id,
    run: fields.text('run_id', 'claimed_by', 'owner'),
    status: statusOf(fields),
    claimedAt: fields.time('claimed_at', 'created_at'),
  };
  return { ...facts, problems: fields.problems };
}

const DEPENDENT_FIELDS = ['task_id', 'reservation_id', 'task', 'from', 'source', 'blocked'] as const;
const DEPENDED_FIELDS = ['depends_on', 'dependencies', 'requires', 'blocked_by', 'waits_for', 'to', 'target'] as const;

export function readDependency(record: SwarmRecord): DependencyFacts | undefined {
  if (readabilityOf(record) === 'none') return undefined;
  const fields = new FieldReader(record.data);
  const dependsOn = DEPENDED_FIELDS.flatMap((field) => {
    const value = record.data[field] as unknown;
    return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).flatMap((name) =>
      typeof name === 'string' && name.trim() !== '' ? [name] : typeof name === 'number' ? [String(name)] : [],
    );
  });
  const name = fields.text(...DEPENDENT_FIELDS) ?? (dependsOn.length > 0 ? record.id : undefined);
  if (dependsOn.length === 0) fields.problem('depends_on', record.data['depends_on'], 'the id of a task, or several');
  return { id: record.id, name, dependsOn: [...new Set(dependsOn)], problems: fields.problems };
}

/** Returns a task's status: from its own field, from its claim's, or from the existence of a claim. */
export function taskState(task: TaskFacts, claim: ClaimFacts | undefined, moment: Moment): TaskStatus {
  const isOver = (status: TaskStatus | undefined): boolean =>
    status === 'done' || status === 'failed' || status === 'cancelled';
  if (isOver(task.status)) return task.status!;
  if (isOver(claim?.status)) return claim!.status!;
  if (claim) return 'claimed';
  if (task.status === 'claimed') return 'claimed';
  return isUnseen(moment, 'claim') ? 'unknown' : 'pending';
}
