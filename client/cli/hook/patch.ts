import type { Edit } from './edit.js';

export const PATCH_BEGIN = '*** Begin Patch';

const FILE = /^\*\*\* (Add|Update|Delete) File: (.+)$/;
const MOVE = /^\*\*\* Move to: (.+)$/;

interface FileInPatch {
  readonly paths: string[];
  readonly isWhole: boolean;
  readonly replaced: string[];
}

/** Returns an edit for every file in a patch of Codex's format. One patch may change, add, delete and move several files. */
export function editsOfPatch(patch: string): Edit[] {
  const files: FileInPatch[] = [];
  for (const line of patch.split(/\r?\n/)) {
    const head = FILE.exec(line.trimEnd());
    const move = MOVE.exec(line.trimEnd());
    const file = files.at(-1);
    if (head) files.push({ paths: [head[2]!.trim()], isWhole: head[1] !== 'Update', replaced: [] });
    else if (move) file?.paths.push(move[1]!.trim());
    // The text after @@ names what encloses the change, such as a class or a function.
    else if (/^(?:-|@@)/.test(line)) file?.replaced.push(line.replace(/^(?:-|@@)/, ''));
  }
  return files.flatMap(({ paths, isWhole, replaced }) =>
    paths.map((path) => ({ path, replaces: isWhole || paths.length > 1 ? 'all' : replaced })),
  );
}
