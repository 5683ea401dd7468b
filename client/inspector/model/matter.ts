import type { Agent } from './agents.js';
import type { Contest } from './contention.js';
import type { Lease } from './lease.js';
import type { Overview } from './overview.js';
import type { ReplayedState } from './replayed-state.js';
import type { Severity } from './severity.js';
import type { Link } from './target.js';
import { visibleMiddle } from './visible.js';
import type { WaitLine } from './waits.js';

/** What a matter is about. Many matters about the same are shown as one, with their number. */
export type Subject =
  | 'collision'
  | 'operation conflict'
  | 'merge risk'
  | 'silent holder'
  | 'lapsing'
  | 'lapsed'
  | 'intent'
  | 'cycle'
  | 'problem'
  | 'watch'
  | 'client';

export interface Attention {
  /** Identifies the matter. It stays the same as time passes. */
  readonly key: string;
  readonly about: Subject;
  readonly severity: Severity;
  /** One sentence in plain words. */
  readonly text: string;
  /** The address, run or record that it is about, in a word. */
  readonly subject: string;
  /** When the lease that it is about ends; `undefined` if it is about none. */
  readonly endMs?: number;
  /** Orders matters of equal severity, the greatest first. */
  readonly weight: number;
  readonly link: Link;
  /** The runs that it is about. */
  readonly runs: readonly string[];
  /** The arguments of a command that shows the matter in a terminal. */
  readonly command?: readonly string[];
}

export interface Situation {
  readonly replayed: ReplayedState;
  readonly leases: readonly Lease[];
  readonly agents: readonly Agent[];
  readonly contests: readonly Contest[];
  readonly waits: readonly WaitLine[];
  readonly overview: Overview | undefined;
  readonly nowMs: number;
}

/** A lease that ends within this time is about to lapse. */
export const LAPSING_WITHIN_MS = 60_000;

/** Returns an id, path or name from a record, short enough for a sentence, and without effect on the order of its other words. */
export const short = (text: string): string => isolated(visibleMiddle(text, 48));

const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const isolated = (text: string): string => (RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text);

export const on = (branch: string): string => (branch === '' ? '' : ` on ${short(branch)}`);

/** Returns what a lease is on. */
export const where = ({ addresses, branch }: Lease): string => {
  const more = addresses.length > 1 ? ` and ${String(addresses.length - 1)} more` : '';
  return `${short(addresses[0] ?? 'no address')}${more}${on(branch)}`;
};
