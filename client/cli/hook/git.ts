import type { Edit } from './edit.js';
import { SILENCE, type HookAnswer, type HookOutcome } from './hook-call.js';

/** What a commit would change, by git's own words for it. Renames are to be told as a removal and an addition. */
export const STAGED_NAMES = ['diff', '--cached', '--name-only', '--no-renames', '-z'] as const;
export const STAGED_DIFF = [
  ...['-c', 'core.quotePath=false', 'diff', '--cached', '--no-renames', '--no-color', '--no-ext-diff'],
  ...['--unified=0', '--src-prefix=a/', '--dst-prefix=b/'],
] as const;

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@ ?(.*)$/;

/**
 * The files of a commit. What is replaced are the lines that it removes, and what git names as enclosing each change.
 * @param names separated by NUL, as git lists them; the diff only says more of them.
 */
export function stagedEdits(names: string, diff: string): Edit[] {
  const replaced = replacedIn(diff);
  return names
    .split('\0')
    .filter((path) => path !== '')
    .map((path) => ({ path, replaces: replaced.get(path) ?? 'all' }));
}

/** Only of files that exist before and after; a file without a hunk is binary, and known as a whole. */
function replacedIn(diff: string): Map<string, string[]> {
  const files = new Map<string, string[]>();
  let before = '';
  let texts: string[] | undefined;
  let left = 0;
  for (const line of diff.split('\n')) {
    if (left > 0) {
      if (line.startsWith('-')) texts?.push(line.slice(1));
      if (/^[-+]/.test(line)) left--;
      continue;
    }
    const hunk = HUNK.exec(line);
    if (hunk) {
      left = Number(hunk[1] ?? 1) + Number(hunk[2] ?? 1);
      texts?.push(hunk[3]!);
    } else if (line.startsWith('--- ')) before = line.slice(4);
    else if (line.startsWith('+++ ')) {
      const path = line.slice(6).replace(/\t$/, '');
      const isChanged = before.startsWith('a/') && line.startsWith('+++ b/');
      texts = [];
      if (isChanged) files.set(path, texts);
    }
  }
  return files;
}

/** A guard before a commit: what it says goes to the person's terminal, and its exit code decides. */
export function answerGit(outcome: HookOutcome): HookAnswer {
  if (outcome.is === 'none') return SILENCE;
  const errors = outcome.text.split('\n');
  if (outcome.is === 'said') return { errors, exitCode: 0 };
  return { errors: [...errors, 'git commit --no-verify commits it all the same.'], exitCode: 1 };
}
