import type { WireEvent } from '../../protocol/index.js';

/** The filter of a subscription. Values are compared as text, without globs. */
export interface ClientFilter {
  readonly kinds?: readonly string[];
  readonly run_ids?: readonly string[];
  readonly branches?: readonly string[];
  readonly ids?: readonly string[];
}

/**
 * What happened to one subscription, in the order in which its client learned of it. `index` and `n` are missing where the client
 * does not see them, as behind the SDK.
 */
export type Entry =
  | { readonly is: 'connected'; readonly epoch: string; readonly revision: number }
  | { readonly is: 'disconnected' }
  | {
      readonly is: 'subscribed';
      readonly mode: 'snapshot' | 'replay' | 'resync';
      readonly cursor: string;
      readonly why?: string | undefined;
      /** The cursor that the client asked for. */
      readonly since?: string | undefined;
      readonly maxEvents?: number | undefined;
    }
  | { readonly is: 'batch'; readonly n?: number; readonly events: readonly WireEvent[] }
  | { readonly is: 'synced'; readonly revision: number; readonly index?: number }
  | { readonly is: 'events'; readonly index?: number; readonly events: readonly WireEvent[] }
  | { readonly is: 'resync'; readonly reason: string }
  | { readonly is: 'complete'; readonly reason: string; readonly delivered: number }
  | { readonly is: 'heartbeat'; readonly revision: number };

/** What the client of one subscription received, over all its connections. */
export interface ClientHistory {
  readonly name: string;
  readonly filter: ClientFilter;
  readonly entries: readonly Entry[];
}

/** One change of a file. Lists of operations are in the order in which the test made them. */
export type Operation =
  | { readonly is: 'write'; readonly kind: string; readonly id: string; readonly data: object }
  | { readonly is: 'remove'; readonly kind: string; readonly id: string };

/** The kinds in canonical order. They are repeated here to detect a mistake in the protocol's own list. */
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

/** Whether an event concerns only the lease: the data of the record did not change. */
export const isOfLease = (type: number): boolean => type === TYPE.expired || type === TYPE.revived;

export const recordOf = ([, , kind, id]: WireEvent): string => `${KIND_NAMES[kind] ?? '?'}/${id}`;

/** The text of each event's data: a history is checked by five rules that compare it. */
const texts = new WeakMap<object, string>();

export function jsonOf({ 5: data }: WireEvent): string {
  const known = texts.get(data);
  if (known !== undefined) return known;
  const text = JSON.stringify(data);
  texts.set(data, text);
  return text;
}

/** Whether a record passes a filter, written from PROTOCOL.md and not from the server's code. */
export function passes(filter: ClientFilter, kind: string, id: string, data: object): boolean {
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

export function isUnfiltered(filter: ClientFilter): boolean {
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

/** The first violation of a rule; thrown inside the checker. */
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

/** What a check is told beside operations and histories. */
export interface Circumstances {
  /**
   * Revisions at which nothing changed that a client is shown, such as a heartbeat whose reservation now names another branch.
   * @default none
   */
  readonly isSilent: (epoch: string, revision: number) => boolean;
  /**
   * The end of the revisions that are lost after this one, because a server was killed: a client that was there goes on after them.
   * @default none
   */
  readonly gapAfter: (epoch: string, revision: number) => number | undefined;
  /**
   * The server that made an epoch. Each server shows the states of a file in their order; two that read the same files do so each for itself.
   * @default one server has made all of them
   */
  readonly writerOf: (epoch: string) => string;
}
