import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { type RunSituation } from '../../../protocol/index.js';
import { SessionMemory } from '../../../server/repository/index.js';
import { askedBus, busOf, type AskedBus } from './asked-bus.js';
import type { Asker } from './before-edit.js';
import { changedBetween, changedPaths, STATUS, type Signatures } from './changed-files.js';
import { decide, holds, isOwn, review, type AddressedEdit, type HoldingAnswer, type Self } from './decision.js';
import { reviewText } from './decision-text.js';
import { digestOf, notesAfter, type DigestNotes } from './digest.js';
import { digestText } from './digest-text.js';
import type { Edit } from './edit.js';
import { changedByOthers, heldFiles } from './held-files.js';
import { askHolding } from './holding.js';
import { together, type HookOutcome } from './hook-call.js';
import { addresser, fileAddress } from './place.js';
import { placeEdits, type PlacedEdits } from './placed-edits.js';
import { notesText, readNotes, type SessionNotes } from './session-notes.js';

const GIT_MS = 3_000;
const MAX_STATUS_BYTES = 16 * 2 ** 20;

/** What has happened since the last call of a session. */
export type Happened =
  /** A tool has changed these files. */
  | { readonly is: 'edited'; readonly edits: readonly Edit[] }
  /** A shell command has run: which files it changed is asked of git. */
  | { readonly is: 'shell' }
  /** Nothing that changes files: a tool that reads, a prompt, a beginning, an end. */
  | { readonly is: 'nothing' };

/**
 * Returns what the agent is told between its edits: changed files without a lease of its run, each once in a session; changed files that
 * another run holds; and the digest of what touches its run.
 */
export async function outcomeBetween(
  happened: Happened,
  session: string | undefined,
  asker: Asker,
): Promise<HookOutcome> {
  const asked = askedBus(asker.root);
  const edits = happened.is === 'edited' ? happened.edits : [];
  const placement = placeEdits(edits, asker.directory, asked.root, asker.branch);
  if (placement.is !== 'placed' || session === undefined) return { is: 'none' };
  const outcomes: HookOutcome[] = [];
  for (const placed of placement.all) {
    const here: Happened = happened.is === 'edited' ? { is: 'edited', edits: placed.given } : happened;
    outcomes.push(await outcomeIn(placed, here, asked, session, asker));
  }
  return together(outcomes);
}

/** Returns what there is to say about one repository. */
async function outcomeIn(
  { place, isAgents, addressed: edited }: PlacedEdits,
  happened: Happened,
  asked: AskedBus,
  session: string,
  asker: Asker,
): Promise<HookOutcome> {
  const memory = new SessionMemory(place.root, session);
  try {
    const before = memory.read();
    const notes = readNotes(before);
    const top = place.tree?.top;
    const files = top === undefined ? undefined : look(top, happened, asker, notes);
    const address = addresser(asker.directory, place, asker.branch);
    const addressed =
      happened.is === 'shell' ? editsSince(notes.files, files, top).flatMap((edit) => address(edit) ?? []) : edited;
    const run = asker.identity.from === 'none' ? undefined : asker.identity.run;
    const addresses = [...addressed, ...notes.denied.flatMap(deniedEdit)].flatMap((edit) => edit.addresses);
    const told: string[] = [];
    let next: SessionNotes = { ...notes, files: files ?? notes.files };
    if (run !== undefined || addresses.length > 0) {
      const answer = await askHolding({
        root: place.root,
        bus: busOf(asked, place, isAgents),
        addresses,
        run,
        when: 'between edits',
        warn: asker.warn,
      });
      const self = { run: asker.identity.run, branch: asker.branch ?? place.tree?.branch };
      const found = review(addressed, answer, self, new Set(notes.told));
      next = { ...next, told: [...notes.told, ...found.uncovered] };
      const now = answer.is === 'known' ? answer.now : 0;
      if (found.uncovered.length > 0 || found.findings.length > 0) told.push(reviewText(found, asker.identity, now));
      if (answer.is === 'known' && answer.situation) {
        const own = happened.is === 'shell' ? 'all' : new Set(addressed.map(({ path }) => path));
        const ended = digest(answer, answer.situation, notes, { self, asker, own, top: top ?? place.root });
        next = { ...next, ...ended.notes };
        if (ended.text !== undefined) told.push(ended.text);
      }
    }
    const after = notesText(next);
    if (after !== before) memory.write(after, Date.now());
    return told.length === 0 ? { is: 'none' } : { is: 'said', text: told.join('\n') };
  } finally {
    memory.close();
  }
}

/** The files that have changed since the last call: a command of a shell does not name them. */
function editsSince(before: Signatures | undefined, now: Signatures | undefined, top: string | undefined): Edit[] {
  return changedBetween(before ?? now ?? {}, now ?? {}).map((path) => ({
    path: join(top ?? '', path),
    replaces: 'all',
  }));
}

interface Session {
  readonly self: Self;
  readonly asker: Asker;
  /** The files that the session itself may have changed since the last call. */
  readonly own: 'all' | ReadonlySet<string>;
  readonly top: string;
}

function digest(
  answer: Extract<HoldingAnswer, { readonly is: 'known' }>,
  situation: RunSituation,
  notes: SessionNotes,
  { self, asker, own, top }: Session,
): { readonly notes: DigestNotes & Pick<SessionNotes, 'held' | 'denied'>; readonly text: string | undefined } {
  const { now, holders } = answer;
  const held = signaturesOf(top, heldFiles(situation));
  const isMine = (edit: AddressedEdit): boolean => holders.some((each) => isOwn(each, self) && holds(each, edit));
  const stillDenied = notes.denied.flatMap(deniedEdit).filter((edit) => !isMine(edit));
  const freed = stillDenied
    .filter((edit) => decide([edit], answer, self, 'pass').is === 'none')
    .map(({ path }) => path);
  const found = digestOf(situation, { changed: changedByOthers(notes.held, held, own), freed }, notes, now);
  const shown = digestText(found.items, asker.identity, now);
  const told = shown?.told ?? [];
  const isTold = (path: string): boolean => told.some((item) => item.is === 'changed' && item.path === path);
  const isUntold = (path: string): boolean =>
    found.items.some((item) => item.is === 'changed' && item.path === path) && !isTold(path);
  const toldFree = new Set(told.flatMap((item) => (item.is === 'free' ? [item.address] : [])));
  return {
    text: shown?.text,
    notes: {
      ...notesAfter(found, told, situation, notes, now),
      // The old signature of a file whose change was not said yet leads to the same report at the next call.
      held: Object.fromEntries(
        Object.entries(held).map(([path, now]) => [path, isUntold(path) ? notes.held[path]! : now]),
      ),
      denied: stillDenied.map(({ path }) => path).filter((path) => !toldFree.has(path)),
    },
  };
}

function deniedEdit(path: string): AddressedEdit[] {
  const parsed = fileAddress(path);
  return parsed.ok ? [{ path, replaces: 'all', addresses: [parsed.address] }] : [];
}

/** The signatures of the changed files now. After an edit only its own files are read: git would take longer than the hook. */
function look(top: string, happened: Happened, asker: Asker, notes: SessionNotes): Signatures | undefined {
  switch (happened.is) {
    case 'nothing':
      return notes.files;
    case 'shell': {
      const paths = changedPathsIn(top, asker);
      return paths === undefined ? undefined : signaturesOf(top, paths);
    }
    case 'edited': {
      if (notes.files === undefined) return undefined;
      const paths = happened.edits.map(({ path }) =>
        relative(top, resolve(asker.directory, path)).split(sep).join('/'),
      );
      return { ...notes.files, ...signaturesOf(top, paths) };
    }
  }
}

/** @returns `undefined` if git is not there, takes too long, or does not trust the repository: what else there is to say is said. */
function changedPathsIn(top: string, { warn }: Asker): string[] | undefined {
  try {
    const status = execFileSync('git', ['--no-optional-locks', ...STATUS], {
      cwd: top,
      encoding: 'utf8',
      timeout: GIT_MS,
      maxBuffer: MAX_STATUS_BYTES,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return changedPaths(status);
  } catch (error) {
    warn(`the hook cannot tell which files have changed: ${(error as Error).message}`);
    return undefined;
  }
}

function signaturesOf(top: string, paths: readonly string[]): Signatures {
  return Object.fromEntries(paths.map((path) => [path, signatureOf(join(top, path))]));
}

function signatureOf(path: string): string {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? 'gone' : `${String(stats.mtimeMs)} ${String(stats.size)}`;
  } catch {
    // It may not be looked at, or is no path at all: a lease can name anything.
    return 'unknown';
  }
}
