import type { Edit } from './edit.js';

export const PATCH_BEGIN = '*** Begin Patch';

const FILE = /^\*\*\* (Add|Update|Delete) File: (.+)$/;
const MOVE = /^\*\*\* Move to: (.+)$/;

/** A line around the changes of a patch; `undefined` text for one that the patch itself adds. */
interface Around {
  readonly indent: number;
  readonly text: string | undefined;
}

interface FileInPatch {
  readonly paths: string[];
  readonly isWhole: boolean;
  readonly replaced: string[];
  /** The lines above that are indented less and less: they enclose what comes next. */
  around: Around[];
}

/** Returns an edit for every file in a patch of Codex's format. One patch may change, add, delete and move several files. */
export function editsOfPatch(patch: string): Edit[] {
  const files: FileInPatch[] = [];
  for (const line of patch.split(/\r?\n/)) {
    const file = files.at(-1);
    // Codex takes the head of a file with blanks before it, where that is not a line of the file before.
    const trimmed = file === undefined || file.isWhole ? line.trim() : line.trimEnd();
    const head = FILE.exec(trimmed);
    const move = MOVE.exec(trimmed);
    if (head) files.push({ paths: [head[2]!.trim()], isWhole: head[1] !== 'Update', replaced: [], around: [] });
    else if (move) file?.paths.push(move[1]!.trim());
    else if (file) readLine(file, line);
  }
  return files.flatMap(({ paths, isWhole, replaced }) =>
    paths.map((path) => ({ path, replaces: isWhole || paths.length > 1 ? 'all' : replaced })),
  );
}

/** What a line replaces: itself if it is removed, and the lines that enclose it. A line may also be added inside of another run's symbol. */
function readLine(file: FileInPatch, line: string): void {
  if (line.startsWith('@@')) {
    // The text after @@ names what encloses the change, such as a class or a function.
    file.replaced.push(line.slice(2));
    file.around = [];
    return;
  }
  const text = line.slice(1);
  if (text.trim() === '' || !/^[-+ ]/.test(line)) return;
  const indent = text.length - text.trimStart().length;
  file.around = file.around.filter((each) => each.indent < indent);
  if (line.startsWith('-')) file.replaced.push(text);
  if (!line.startsWith(' ')) file.replaced.push(...file.around.flatMap((each) => each.text ?? []));
  file.around.push({ indent, text: line.startsWith('+') ? undefined : text });
}
