import type { WireEvent } from '../../protocol/index.js';

/** The fields by which a life's subscription was narrowed; compared as text, without globs. */
export interface LifeFilter {
  readonly kinds?: readonly string[];
  readonly run_ids?: readonly string[];
  readonly branches?: readonly string[];
  readonly ids?: readonly string[];
}

/**
 * What happened to one subscription, in the order in which its holder learned of it. `index` and `n` are missing where
 * the holder is not shown them, as behind the SDK.
 */
export type Entry =
  | { readonly is: 'connected'; readonly epoch: string; readonly revision: number }
  | { readonly is: 'disconnected' }
  | {
      readonly is: 'subscribed';
      readonly mode: 'snapshot' | 'replay' | 'resync';
      readonly cursor: string;
      readonly why?: string | undefined;
      /** What the holder had asked for. */
      readonly since?: string | undefined;
      readonly maxEvents?: number | undefined;
    }
  | { readonly is: 'batch'; readonly n?: number; readonly events: readonly WireEvent[] }
  | { readonly is: 'synced'; readonly revision: number; readonly index?: number }
  | { readonly is: 'events'; readonly index?: number; readonly events: readonly WireEvent[] }
  | { readonly is: 'resync'; readonly reason: string }
  | { readonly is: 'complete'; readonly reason: string; readonly delivered: number }
  | { readonly is: 'heartbeat'; readonly revision: number };

/** Everything that one holder of one subscription saw, over all its connections. */
export interface Life {
  readonly name: string;
  readonly filter: LifeFilter;
  readonly entries: readonly Entry[];
}

/** Something that was done to a file, in the order in which it was done. */
export type Operation =
  | { readonly is: 'write'; readonly kind: string; readonly id: string; readonly data: object }
  | { readonly is: 'remove'; readonly kind: string; readonly id: string };

/** The canonical order. Written out, so that a mistake in the protocol's own list is seen. */
export const KIND_NAMES: readonly string[] = [
  'reservation',
  'intent',
  'release',
  'heartbeat',
  'task',
  'claim',
  'dependency',
];
export const TYPE = { snapshot: 0, added: 1, modified: 2, removed: 3, expired: 4, revived: 5 } as const;

/** Whether an event tells of a lease alone: the record is as it was. */
export const isOfLease = (type: number): boolean => type === TYPE.expired || type === TYPE.revived;

export const recordOf = ([, , kind, id]: WireEvent): string => `${KIND_NAMES[kind] ?? '?'}/${id}`;

export const jsonOf = (event: WireEvent): string => JSON.stringify(event[5]);

/** Whether a record passes a filter, as the document says and not as the server does it. */
export function passes(filter: LifeFilter, kind: string, id: string, data: object): boolean {
  const { run_id, branch } = data as { run_id?: unknown; branch?: unknown };
  return (
    isAmong(filter.kinds, kind) &&
    isAmong(filter.ids, id) &&
    isAmong(filter.run_ids, run_id) &&
    isAmong(filter.branches, branch)
  );
}

function isAmong(wanted: readonly string[] | undefined, value: unknown): boolean {
  return wanted === undefined || (typeof value === 'string' && wanted.includes(value));
}

export function isUnfiltered(filter: LifeFilter): boolean {
  return Object.values(filter).every((values) => values === undefined);
}

export type Rule =
  | 'order'
  | 'uniqueness'
  | 'completeness'
  | 'resume'
  | 'bookmark'
  | 'filter'
  | 'cap'
  | 'cut'
  | 'marks'
  | 'view'
  | 'operations'
  | 'final-state';

/** Thrown inside the checker at the first thing that must not be. */
export class Violation extends Error {
  constructor(
    readonly rule: Rule,
    message: string,
  ) {
    super(message);
  }
}

export function must(condition: boolean, rule: Rule, why: () => string): asserts condition {
  if (!condition) throw new Violation(rule, why());
}
