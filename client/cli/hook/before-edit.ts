import { SessionMemory } from '../../../server/repository/index.js';
import { toCliError } from '../cli-error.js';
import type { Text } from '../terminal/terminal-text.js';
import { askedBus, busOf, type AskedBus } from './asked-bus.js';
import { decide, type AddressedEdit, type HoldingAnswer, type Self, type WhenUnknown } from './decision.js';
import { decisionText, type Identity } from './decision-text.js';
import type { Edit } from './edit.js';
import { askHolding } from './holding.js';
import { together, type HookOutcome } from './hook-call.js';
import { findPlace } from './place.js';
import { placeEdits, type PlacedEdits } from './placed-edits.js';
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
  const asked = askedBus(asker.root);
  const placement = placeEdits(edits, asker.directory, asked.root, asker.branch);
  if (placement.is === 'none') return { is: 'none' };
  if (placement.is === 'refused') return outcome([], { is: 'unknown', why: placement.why }, asker, undefined);
  const placed = placement.all.filter(({ addressed }) => addressed.length > 0);
  return together(await Promise.all(placed.map((one) => outcomeIn(one, asked, asker, session))));
}

/** Returns the decision about the files of one repository. */
async function outcomeIn(
  { place, isAgents, addressed }: PlacedEdits,
  asked: AskedBus,
  asker: Asker,
  session: string | undefined,
): Promise<HookOutcome> {
  const answer = await askHolding({
    root: place.root,
    bus: busOf(asked, place, isAgents),
    addresses: addressed.flatMap((edit) => edit.addresses),
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
  if (findPlace(asker.directory, askedBus(asker.root).root).is === 'none') return { is: 'none' };
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
