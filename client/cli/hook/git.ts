import type { Edit } from './edit.js';
import { SILENCE, type HookAnswer, type HookOutcome } from './hook-call.js';

/** The arguments with which git lists the files of a commit. A rename is listed as a removal and an addition. */
export const STAGED_NAMES = ['diff', '--cached', '--name-only', '--no-renames', '-z'] as const;
export const STAGED_DIFF = [
  ...['-c', 'core.quotePath=false', 'diff', '--cached', '--no-renames', '--no-color', '--no-ext-diff', '--no-textconv'],
  ...['--unified=0', '--inter-hunk-context=0', '--src-prefix=a/', '--dst-prefix=b/'],
] as const;

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@ ?(.*)$/;

/**
 * Returns the edits of a commit. The replaced texts are the removed lines, and the line that git shows as enclosing each hunk.
 * @param names the output of git, paths separated by NUL. They decide which files are edited; the diff adds the replaced texts.
 */
export function stagedEdits(names: string, diff: string): Edit[] {
  const replaced = replacedIn(diff);
  return names
    .split('\0')
    .filter((path) => path !== '')
    .map((path) => ({ path, replaces: replaced.get(path) ?? 'all' }));
}

/** Returns the replaced texts of files that exist before and after. A file without a hunk is binary: its change is of the whole file. */
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

/** The answer of the guard before a commit: its text goes to the user's terminal, and its exit code decides. */
export function answerGit(outcome: HookOutcome): HookAnswer {
  if (outcome.is === 'none') return SILENCE;
  const errors = outcome.text.split('\n');
  if (outcome.is === 'said') return { errors, exitCode: 0 };
  return { errors: [...errors, 'git commit --no-verify commits it all the same.'], exitCode: 1 };
}
