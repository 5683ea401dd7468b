import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { SessionMemory } from '../../../server/repository/index.js';
import { readTarget } from '../commands/target.js';
import type { Asker } from './before-edit.js';
import { changedBetween, changedPaths, STATUS, type Signatures } from './changed-files.js';
import { review } from './decision.js';
import { reviewText } from './decision-text.js';
import type { Edit } from './edit.js';
import { askHolding } from './holding.js';
import type { HookOutcome } from './hook-call.js';
import { addressEdits, findPlace } from './place.js';
import { notesText, readNotes, type SessionNotes } from './session-notes.js';

const GIT_MS = 3_000;
const MAX_STATUS_BYTES = 16 * 2 ** 20;

/**
 * Returns what the hook reports after a tool: changed files without a lease of this run, each once in a session, and changed files that
 * another run holds.
 * @param edits the edits that the tool names; `undefined` after a shell command: then the files that changed since the last call, by git.
 */
export async function outcomeAfter(
  edits: readonly Edit[] | undefined,
  session: string | undefined,
  asker: Asker,
): Promise<HookOutcome> {
  const target = readTarget({ ...(asker.root === undefined ? {} : { root: asker.root }) });
  const place = findPlace(asker.directory, target.root);
  if (place.is !== 'found' || session === undefined) return { is: 'none' };
  const memory = new SessionMemory(place.root, session);
  try {
    const notes = readNotes(memory.read());
    const top = place.tree?.top;
    const files = top === undefined ? undefined : look(top, edits === undefined ? undefined : { edits, asker, notes });
    const changed = edits ?? changedBetween(notes.files ?? files ?? {}, files ?? {}).map(wholeFile(top ?? ''));
    const addressed = addressEdits(changed, asker.directory, place.context);
    const remember = (told: readonly string[]): void => {
      memory.write(notesText({ files: files ?? notes.files, told }), Date.now());
    };
    if (addressed.length === 0) {
      remember(notes.told);
      return { is: 'none' };
    }
    const addresses = addressed.flatMap((edit) => edit.addresses);
    const answer = await askHolding({ root: place.root, target, addresses, warn: asker.warn });
    const self = { run: asker.identity.run, branch: asker.branch ?? place.tree?.branch };
    const found = review(addressed, answer, self, new Set(notes.told));
    remember([...notes.told, ...found.uncovered]);
    if (found.uncovered.length === 0 && found.findings.length === 0) return { is: 'none' };
    const now = answer.is === 'known' ? answer.now : 0;
    return { is: 'said', text: reviewText(found, asker.identity, now) };
  } finally {
    memory.close();
  }
}

const wholeFile =
  (top: string) =>
  (path: string): Edit => ({ path: join(top, path), replaces: 'all' });

/** The signatures of the changed files now. After an edit only its own files are read: git would take longer than the hook. */
function look(
  top: string,
  edited: { readonly edits: readonly Edit[]; readonly asker: Asker; readonly notes: SessionNotes } | undefined,
): Signatures | undefined {
  if (edited === undefined) return signaturesOf(top, changedPathsIn(top));
  const { edits, asker, notes } = edited;
  if (notes.files === undefined) return undefined;
  const paths = edits.map(({ path }) => relative(top, resolve(asker.directory, path)).split(sep).join('/'));
  return { ...notes.files, ...signaturesOf(top, paths) };
}

function changedPathsIn(top: string): string[] {
  const status = execFileSync('git', ['--no-optional-locks', ...STATUS], {
    cwd: top,
    encoding: 'utf8',
    timeout: GIT_MS,
    maxBuffer: MAX_STATUS_BYTES,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return changedPaths(status);
}

function signaturesOf(top: string, paths: readonly string[]): Signatures {
  const signature = (path: string): string => {
    const stats = lstatSync(join(top, path), { throwIfNoEntry: false });
    return stats === undefined ? 'gone' : `${String(stats.mtimeMs)} ${String(stats.size)}`;
  };
  return Object.fromEntries(paths.map((path) => [path, signature(path)]));
}
