import { execFileSync } from 'node:child_process';
import type { Edit } from './edit.js';
import { STAGED_DIFF, STAGED_NAMES, stagedEdits } from './git.js';

const MAX_BYTES = 256 * 2 ** 20;

/** Returns the staged edits of the working tree around a directory; their paths are relative to `top`. @throws Error of git */
export function readStaged(directory: string): { readonly top: string; readonly edits: readonly Edit[] } {
  const git = (args: readonly string[], cwd: string): string =>
    execFileSync('git', args, { cwd, encoding: 'utf8', maxBuffer: MAX_BYTES, stdio: ['ignore', 'pipe', 'pipe'] });
  const top = git(['rev-parse', '--show-toplevel'], directory).replace(/\n$/, '');
  return { top, edits: stagedEdits(git(STAGED_NAMES, top), git(STAGED_DIFF, top)) };
}
