import { normalBranch, overlap, parseAddress, type Address, type LeaseForm } from '../../../protocol/index.js';
import type { Edit } from './edit.js';

/** Who asks. */
export interface Self {
  readonly run: string;
  /** `undefined` where it cannot be known: then every lease may be on the same branch. */
  readonly branch: string | undefined;
}

/** An edit with the addresses of its file: more than one where a link leads to it. */
export interface AddressedEdit extends Edit {
  readonly addresses: readonly Address[];
}

export interface HookHolder extends LeaseForm {
  /** When it was heard of last, where it should have been heard of since. */
  readonly silent_since?: string;
}

/** What the bus says of some addresses, all together. */
export type HoldingAnswer =
  | {
      readonly is: 'known';
      /** The leases that hold any of them. */
      readonly holders: readonly HookHolder[];
      /** Why there may be more: reservations that cannot be seen or read. */
      readonly doubt: string | undefined;
      /** The server's clock, Unix milliseconds. */
      readonly now: number;
    }
  | { readonly is: 'unknown'; readonly why: string };

/** @param unread how many reservations never could be read; where it is none, they cannot all be seen. */
export const doubtOf = (unread: number): string =>
  unread > 0
    ? `${String(unread)} of the reservations cannot be read (muse-bus doctor names them)`
    : 'the bus cannot see all reservations (muse-bus doctor says why)';

/** What is known against an edit. */
export type Finding =
  /** Another run's live lease covers what is edited. */
  | { readonly is: 'held'; readonly path: string; readonly holder: HookHolder }
  /** One on another branch: the two meet in the merge. */
  | { readonly is: 'merge-risk'; readonly path: string; readonly holder: HookHolder }
  /** One on another symbol of a file in which this run holds one itself. */
  | { readonly is: 'beside'; readonly path: string; readonly holder: HookHolder }
  /** A lease that may or may not have ended. */
  | { readonly is: 'unclear'; readonly path: string; readonly holder: HookHolder }
  /** Nobody knows whether there are more. */
  | { readonly is: 'unknown'; readonly why: string };

export type WhenUnknown = 'pass' | 'deny';

export type Decision =
  | { readonly is: 'none' }
  | { readonly is: 'said'; readonly findings: readonly Finding[] }
  | { readonly is: 'denied'; readonly findings: readonly Finding[] };

/**
 * Whether an edit may go on: the whole rule. Only another run's live lease on the same branch denies it; what cannot be known denies
 * it where that is wanted.
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

/** What an agent has changed that it should not have, or not like that. */
export interface Review {
  /** Files in which this run holds nothing. */
  readonly uncovered: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Looks at changes that have been made. Nothing is said of a lease of this run that is not known to be missing.
 * @param told files of which it was said before that the run has no lease.
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

function against(edit: AddressedEdit, holders: readonly HookHolder[], self: Self): Finding[] {
  const here = holders.filter((holder) => holds(holder, edit));
  const isOwnFile = here.some((holder) => isOwn(holder, self));
  return here
    .filter((holder) => !isOwn(holder, self))
    .map((holder): Finding => {
      const { path } = edit;
      if (isElsewhere(holder, self)) return { is: 'merge-risk', path, holder };
      if (holder.state === 'unknown') return { is: 'unclear', path, holder };
      if (isOwnFile && !touches(edit, holder)) return { is: 'beside', path, holder };
      return { is: 'held', path, holder };
    });
}

/** A lease that names no run is nobody's own. */
export const isOwn = ({ run_id }: LeaseForm, { run }: Pick<Self, 'run'>): boolean => run_id === run;

function isElsewhere({ branch }: LeaseForm, self: Self): boolean {
  return branch !== null && self.branch !== undefined && normalBranch(branch) !== normalBranch(self.branch);
}

/** The addresses of a lease that overlap the file of an edit. */
function heldIn({ addresses }: LeaseForm, { addresses: wanted }: AddressedEdit): Address[] {
  return addresses.flatMap((text) => {
    const parsed = parseAddress(text);
    return parsed.ok && wanted.some((address) => overlap(address, parsed.address)) ? [parsed.address] : [];
  });
}

export const holds = (holder: LeaseForm, edit: AddressedEdit): boolean => heldIn(holder, edit).length > 0;

/**
 * Whether an edit may change what a lease holds: it holds more than symbols, or the text that is replaced names one of its symbols, or
 * is not known.
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

/** Whether a text has a name in it that is not a part of a longer one. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!isLetter(text[at - 1]) && !isLetter(text[at + name.length])) return true;
  }
  return false;
}

const isLetter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}_$]/u.test(character);
