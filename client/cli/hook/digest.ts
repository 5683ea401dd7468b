import type { ConflictForm, LeaseForm, RunSituation, WaitForm } from '../../../protocol/index.js';

/** One thing that touches a run, in the order of importance. */
export type DigestItem =
  /** Another run waits for something that this run has. */
  | { readonly is: 'waited-for'; readonly wait: WaitForm }
  /** A lease of this run ends soon. */
  | { readonly is: 'ending'; readonly lease: LeaseForm }
  /** A lease of this run has ended, and was not released. */
  | { readonly is: 'ended'; readonly lease: LeaseForm }
  /** A file that this run holds was changed between two calls of the session. */
  | { readonly is: 'changed'; readonly path: string }
  | { readonly is: 'conflict'; readonly conflict: ConflictForm }
  /** What this run waited for, or was denied, is free. */
  | { readonly is: 'free'; readonly address: string };

/** What a session remembers for the next digest. */
export interface DigestNotes {
  /** The keys of the items that the agent was told and that are still so. */
  readonly said: readonly string[];
  /** What the run waited for at the last call, by the id of the waiting record. */
  readonly waits: readonly { readonly record: string; readonly wanted: string }[];
}

/** What the hook has found out by itself. */
export interface OwnFindings {
  /** Files that the run holds and that were changed between two calls of the session. */
  readonly changed: readonly string[];
  /** Files whose edit was denied earlier, and that nobody else holds now. */
  readonly freed: readonly string[];
}

export interface Digest {
  readonly items: readonly DigestItem[];
  readonly waits: DigestNotes['waits'];
}

/** A lease that ends within this time ends soon. */
const SOON_MS = 120_000;

/** Returns what touches a run and was not said in this session, most important first. */
export function digestOf(situation: RunSituation, found: OwnFindings, notes: DigestNotes, now: number): Digest {
  const { waiters, leases, conflicts, waits, intents, is_complete: isComplete } = situation;
  const isWaiting = (record: string, wanted: string): boolean =>
    waits.some((wait) => wait.record === record && wait.wanted === wanted);
  const over = notes.waits.filter(({ record, wanted }) => !isWaiting(record, wanted));
  const free = isComplete ? over.filter(({ record }) => intents.includes(record)).map(({ wanted }) => wanted) : [];
  const items: DigestItem[] = [
    ...waiters.filter((wait) => wait.same_branch).map((wait) => ({ is: 'waited-for' as const, wait })),
    ...leases.filter((lease) => endsSoon(lease, now)).map((lease) => ({ is: 'ending' as const, lease })),
    ...leases.filter(({ state }) => state === 'lapsed').map((lease) => ({ is: 'ended' as const, lease })),
    ...found.changed.map((path) => ({ is: 'changed' as const, path })),
    ...conflicts.map((conflict) => ({ is: 'conflict' as const, conflict })),
    ...[...new Set([...free, ...found.freed])].map((address) => ({ is: 'free' as const, address })),
  ];
  return {
    items: items.filter((item) => !notes.said.includes(keyOf(item) ?? '')),
    // While not everything can be seen, a wait that is not in the answer may go on.
    waits: [...waits, ...(isComplete ? [] : over)].map(({ record, wanted }) => ({ record, wanted })),
  };
}

/** Returns the notes after a digest. @param told the items that the agent was told; the others are said at the next call. */
export function notesAfter(
  { items, waits }: Digest,
  told: readonly DigestItem[],
  situation: RunSituation,
  notes: DigestNotes,
  now: number,
): DigestNotes {
  const current = digestOf(situation, { changed: [], freed: [] }, { said: [], waits: [] }, now).items.map(keyOf);
  const said = new Set([...notes.said, ...told.map(keyOf)]);
  const isOverUntold = (wanted: string): boolean =>
    items.some((item) => item.is === 'free' && item.address === wanted && !told.includes(item));
  return {
    // Something that ends and begins again is said again.
    said: current.filter((key): key is string => key !== undefined && said.has(key)),
    waits: [...waits, ...notes.waits.filter(({ wanted }) => isOverUntold(wanted))],
  };
}

function endsSoon({ state, effective_expires_at: end }: LeaseForm, now: number): boolean {
  return (state === 'live' || state === 'suspect') && end !== null && Date.parse(end) - now <= SOON_MS;
}

/** Returns what an item is remembered by; `undefined` if it is an event, which is said once by itself. */
function keyOf(item: DigestItem): string | undefined {
  switch (item.is) {
    case 'waited-for':
      return `waited-for ${item.wait.record} ${item.wait.blocked_by}`;
    case 'ending':
    case 'ended':
      return `${item.is} ${item.lease.reservation} ${item.lease.effective_expires_at ?? ''}`;
    case 'conflict':
      return `conflict ${item.conflict.address} ${item.conflict.parties.map(({ record }) => record).join(' ')}`;
    case 'changed':
    case 'free':
      return undefined;
  }
}
