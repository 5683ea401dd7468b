import {
  normalBranch,
  overlap,
  parseAddress,
  type Address,
  type LeaseForm,
  type RunSituation,
} from '../../../protocol/index.js';
import type { Edit } from './edit.js';

/** The run that asks. */
export interface Self {
  readonly run: string;
  /** `undefined` if the branch is not known: then every lease may be on the same branch. */
  readonly branch: string | undefined;
}

/** An edit with the addresses of its file. A file that is reached by a link has more than one. */
export interface AddressedEdit extends Edit {
  readonly addresses: readonly Address[];
  /** The working tree of the file, if that is not the one of the agent's directory. */
  readonly tree?: Pick<Self, 'branch'>;
}

/** The answer of the bus about several addresses together. */
export type HoldingAnswer =
  | {
      readonly is: 'known';
      /** The leases that hold at least one of the addresses. */
      readonly holders: readonly LeaseForm[];
      /** Why there may be more holders: reservations that cannot be seen or read. `undefined` if the list is complete. */
      readonly doubt: string | undefined;
      /** What concerns the run that asks, if the question named one. */
      readonly situation: RunSituation | undefined;
      /** The server's clock, Unix milliseconds. */
      readonly now: number;
    }
  | { readonly is: 'unknown'; readonly why: string };

/** @param unread how many reservations never could be read; 0 means that the bus cannot see all of them. */
export const doubtOf = (unread: number): string =>
  unread > 0
    ? `${String(unread)} of the reservations cannot be read (muse-bus doctor names them)`
    : 'the bus cannot see all reservations (muse-bus doctor says why)';

/** A reason against an edit. */
export type Finding =
  /** Another run's live lease covers the edit. */
  | { readonly is: 'held'; readonly path: string; readonly holder: LeaseForm }
  /** Another run on another branch holds it: the two changes meet in the merge. */
  | { readonly is: 'merge-risk'; readonly path: string; readonly holder: LeaseForm }
  /** Another run holds another symbol of a file in which this run holds something itself. */
  | { readonly is: 'beside'; readonly path: string; readonly holder: LeaseForm }
  /** A lease of another run may have ended or not. */
  | { readonly is: 'unclear'; readonly path: string; readonly holder: LeaseForm }
  /** It is not known whether there are more holders. */
  | { readonly is: 'unknown'; readonly why: string };

export type WhenUnknown = 'pass' | 'deny';

export type Decision =
  | { readonly is: 'none' }
  | { readonly is: 'said'; readonly findings: readonly Finding[] }
  | { readonly is: 'denied'; readonly findings: readonly Finding[] };

/**
 * Decides whether an edit may go on; this is the whole rule. Another run's live lease on the same branch denies the edit. Missing
 * knowledge denies it only if `whenUnknown` is `deny`.
 */
export function decide(
  edits: readonly AddressedEdit[],
  answer: HoldingAnswer,
  self: Self,
  whenUnknown: WhenUnknown,
): Decision {
  const findings: Finding[] = answer.is === 'unknown' ? [{ is: 'unknown', why: answer.why }] : [];
  if (answer.is === 'known') {
    for (const edit of edits) findings.push(...against(edit, answer.holders, self));
    if (answer.doubt !== undefined) findings.push({ is: 'unknown', why: answer.doubt });
  }
  if (findings.length === 0) return { is: 'none' };
  const denies = (finding: Finding): boolean =>
    finding.is === 'held' || (whenUnknown === 'deny' && (finding.is === 'unknown' || finding.is === 'unclear'));
  return { is: findings.some(denies) ? 'denied' : 'said', findings };
}

/** The changes of an agent that broke a rule. */
export interface Review {
  /** Changed files without a lease of this run. */
  readonly uncovered: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Reviews changes that have been made. A file is reported as uncovered only if it is certain that this run has no lease on it.
 * @param told files that were reported as uncovered before.
 */
export function review(
  edits: readonly AddressedEdit[],
  answer: HoldingAnswer,
  self: Self,
  told: ReadonlySet<string>,
): Review {
  if (answer.is === 'unknown') return { uncovered: [], findings: [] };
  const { holders, doubt } = answer;
  const isCovered = (edit: AddressedEdit): boolean => holders.some((one) => isOwn(one, self) && holds(one, edit));
  const uncovered = edits.filter((edit) => !isCovered(edit) && !told.has(edit.path)).map(({ path }) => path);
  const findings = edits.flatMap((edit) => against(edit, holders, self)).filter(({ is }) => is === 'held');
  return { uncovered: doubt === undefined ? uncovered : [], findings };
}

function against(edit: AddressedEdit, holders: readonly LeaseForm[], self: Self): Finding[] {
  const here = holders.filter((holder) => holds(holder, edit));
  const isOwnFile = here.some((holder) => isOwn(holder, self));
  return here
    .filter((holder) => !isOwn(holder, self))
    .map((holder): Finding => {
      const { path } = edit;
      if (isElsewhere(holder, edit.tree ?? self)) return { is: 'merge-risk', path, holder };
      if (holder.state === 'unknown') return { is: 'unclear', path, holder };
      if (isOwnFile && !touches(edit, holder)) return { is: 'beside', path, holder };
      return { is: 'held', path, holder };
    });
}

/** Whether a lease is this run's own; a lease without a run is no run's own. */
export const isOwn = ({ run_id }: LeaseForm, { run }: Pick<Self, 'run'>): boolean => run_id === run;

function isElsewhere({ branch }: LeaseForm, here: Pick<Self, 'branch'>): boolean {
  return branch !== null && here.branch !== undefined && normalBranch(branch) !== normalBranch(here.branch);
}

/** Returns the addresses of a lease that overlap the file of an edit. */
function heldIn({ addresses }: LeaseForm, { addresses: wanted }: AddressedEdit): Address[] {
  return addresses.flatMap((text) => {
    const parsed = parseAddress(text);
    return parsed.ok && wanted.some((address) => overlap(address, parsed.address)) ? [parsed.address] : [];
  });
}

export const holds = (holder: LeaseForm, edit: AddressedEdit): boolean => heldIn(holder, edit).length > 0;

/**
 * Whether an edit may change what a lease holds. It may if the lease holds more than symbols, if the replaced text names one of the lease's
 * symbols, or if the replaced text is not known.
 */
function touches(edit: AddressedEdit, holder: LeaseForm): boolean {
  const { replaces } = edit;
  if (replaces === 'all') return true;
  return heldIn(holder, edit).some(({ kind, steps }) => {
    if (kind !== 'symbol' && kind !== 'nested-symbol') return true;
    const name = steps.at(-1)!.slice(1);
    return replaces.some((text) => names(text, name));
  });
}

/** Whether a text contains a name as a whole word. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!isLetter(text[at - 1]) && !isLetter(text[at + name.length])) return true;
  }
  return false;
}

const isLetter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}_$]/u.test(character);
