import { SessionMemory } from '../../../server/repository/index.js';
import { toCliError } from '../cli-error.js';
import { readTarget, type Target } from '../commands/target.js';
import type { Text } from '../terminal/terminal-text.js';
import { decide, type AddressedEdit, type HoldingAnswer, type Self, type WhenUnknown } from './decision.js';
import { decisionText, type Identity } from './decision-text.js';
import type { Edit } from './edit.js';
import { askHolding } from './holding.js';
import type { HookOutcome } from './hook-call.js';
import { addressEdits, findPlace, type FoundPlace } from './place.js';
import { notesText, readNotes, withDenied } from './session-notes.js';

/** The run that asks, its directory, and the decision that it wants where the holders are unknown. */
export interface Asker {
  readonly identity: Identity;
  readonly directory: string;
  /** The operation that the hook decides about. */
  readonly about: 'edit' | 'commit';
  readonly root?: string | undefined;
  readonly branch?: string | undefined;
  readonly whenUnknown: WhenUnknown;
  readonly warn: (line: Text) => void;
}

/**
 * Returns the decision about some files before they are changed.
 * @param session remembers what was denied, so that the agent is told when it is free.
 */
export async function outcomeBefore(edits: readonly Edit[], asker: Asker, session?: string): Promise<HookOutcome> {
  const target = targetOf(asker);
  const place = findPlace(asker.directory, target.root);
  if (place.is === 'none') return { is: 'none' };
  const unknown = (why: string): HookOutcome => outcome([], { is: 'unknown', why }, asker, undefined);
  if (place.is === 'refused') return unknown(place.why);
  const addressed = addressEdits(edits, asker.directory, place, asker.branch);
  if (addressed.length === 0) return { is: 'none' };
  if (target.is === 'invalid') return unknown(target.why);
  const addresses = addressed.flatMap((edit) => edit.addresses);
  const bus = targetAt(target.target, place);
  const answer = await askHolding({
    root: place.root,
    target: bus,
    addresses,
    when: 'before an edit',
    warn: asker.warn,
  });
  const branch = asker.branch ?? place.tree?.branch;
  const decided = outcome(addressed, answer, asker, branch);
  if (decided.is === 'denied' && answer.is === 'known' && session !== undefined) {
    const self = { run: asker.identity.run, branch };
    const held = addressed.filter((edit) => isHeldByOther(edit, answer, self));
    try {
      rememberDenied(place.root, session, held);
    } catch (error) {
      // An agent in a sandbox may have no directory to keep notes in. What was decided is said all the same.
      asker.warn(`the hook cannot remember this session: ${toCliError(error).message}`);
    }
  }
  return decided;
}

/** The bus that the settings name. An endpoint file that cannot be read says as little about holders as a bus that does not answer. */
type AskedTarget =
  | { readonly is: 'named'; readonly root: string | undefined; readonly target: Target }
  | { readonly is: 'invalid'; readonly root: string | undefined; readonly why: string };

function targetOf({ root }: Asker): AskedTarget {
  try {
    const target = readTarget(root === undefined ? {} : { root });
    return { is: 'named', root: target.root, target };
  } catch (error) {
    return { is: 'invalid', root, why: toCliError(error).message };
  }
}

/** A named url without a token is of the repository around the agent's directory, which need not be that of the hook's process. */
export const targetAt = (target: Target, place: FoundPlace): Target => ({ ...target, root: target.root ?? place.root });

function isHeldByOther(edit: AddressedEdit, answer: HoldingAnswer, self: Self): boolean {
  return decide([edit], answer, self, 'pass').is === 'denied';
}

function rememberDenied(root: string, session: string, edits: readonly AddressedEdit[]): void {
  const memory = new SessionMemory(root, session);
  try {
    const notes = withDenied(
      readNotes(memory.read()),
      edits.map(({ path }) => path),
    );
    memory.write(notesText(notes), Date.now());
  } finally {
    memory.close();
  }
}

/** Returns the decision about a tool that changes files which its input does not name. */
export function outcomeOfUnreadable(why: string, asker: Asker): HookOutcome {
  if (findPlace(asker.directory, targetOf(asker).root).is === 'none') return { is: 'none' };
  return outcome([], { is: 'unknown', why }, asker, undefined);
}

function outcome(
  edits: Parameters<typeof decide>[0],
  answer: HoldingAnswer,
  { identity, whenUnknown, about }: Asker,
  branch: string | undefined,
): HookOutcome {
  const decision = decide(edits, answer, { run: identity.run, branch }, whenUnknown);
  if (decision.is === 'none') return decision;
  const known = answer.is === 'known' ? answer : { now: 0, holders: [] };
  return { is: decision.is, text: decisionText(decision, identity, known, about) };
}
