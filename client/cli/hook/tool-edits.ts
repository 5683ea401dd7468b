import { posix } from 'node:path';
import type { Edit } from './edit.js';
import { asFields, textIn, type Fields } from './fields.js';
import { editsOfPatch, PATCH_BEGIN } from './patch.js';

/** The files in the input of a tool. */
export type ToolEdits =
  | { readonly is: 'edits'; readonly edits: readonly Edit[] }
  /** The input names no edit: the tool reads, or runs a command that may change any file. */
  | { readonly is: 'none' }
  /** The tool changes files, but its input does not tell which. */
  | { readonly is: 'unreadable'; readonly why: string };

/** The tools that change files, by the harnesses' names. The input of each has one of the fields below. */
const EDITING: ReadonlySet<string> = new Set([
  'Edit',
  'MultiEdit',
  'Write',
  'NotebookEdit',
  'EditNotebook',
  'StrReplace',
  'Delete',
  'apply_patch',
  'ApplyPatch',
]);
/** The tools that run a command. */
const SHELLS: ReadonlySet<string> = new Set(['Bash', 'Shell', 'PowerShell', 'shell', 'exec_command']);
const PATH_FIELDS = ['file_path', 'notebook_path', 'path', 'target_file', 'target_notebook'] as const;
const PATCH_FIELDS = ['command', 'cmd', 'input', 'patch'] as const;
const DIRECTORY_FIELDS = ['workdir', 'cwd'] as const;
/** The one change of directory with which Codex takes a command for a patch. */
const CHANGE_DIRECTORY =
  /(?:^|\n)\s*cd\s+(?:'(?<single>[^'\n]+)'|"(?<double>[^"\n]+)"|(?<bare>[^\s;&|'"]+))\s*&&\s*apply_?patch\b/;

/** Returns a command, or a patch in its place. Some tools take it as a list of words. */
function commandIn(fields: Fields): string | undefined {
  const joined = PATCH_FIELDS.map((name) => {
    const value = fields[name];
    return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value.join('\n') : value;
  });
  return joined.find((value): value is string => typeof value === 'string' && value !== '');
}

export const isShell = (tool: string): boolean => SHELLS.has(tool);

/** Returns the edits in a tool's input. */
export function editsOf(tool: string, input: unknown): ToolEdits {
  const fields = asFields(input);
  if (isShell(tool)) {
    const command = commandIn(fields);
    // Codex runs a patch in a shell command as a call of its tool `apply_patch`.
    const edits = command?.includes(PATCH_BEGIN) ? editsInCommand(command, textIn(fields, DIRECTORY_FIELDS) ?? '') : [];
    return edits.length > 0 ? { is: 'edits', edits } : { is: 'none' };
  }
  if (!EDITING.has(tool)) return { is: 'none' };
  const path = textIn(fields, PATH_FIELDS);
  if (path !== undefined) return { is: 'edits', edits: [{ path, replaces: replacedIn(tool, fields) }] };
  const patch = typeof input === 'string' ? input : commandIn(fields);
  if (patch !== undefined) {
    const edits = editsOfPatch(patch);
    return edits.length > 0 ? { is: 'edits', edits } : { is: 'unreadable', why: `the patch of ${tool} names no file` };
  }
  return { is: 'unreadable', why: `the input of ${tool} names no file` };
}

/**
 * Returns the edits of the patches in a command, each relative to the directory that the command has changed to before it.
 * @param start where the command runs; relative to the directory of the agent, or empty if it is the same.
 */
function editsInCommand(command: string, start: string): Edit[] {
  const [first = '', ...patches] = command.split(PATCH_BEGIN);
  let before = first;
  let directory = start;
  return patches.flatMap((patch) => {
    const spelled: Partial<Record<string, string>> = CHANGE_DIRECTORY.exec(before)?.groups ?? {};
    directory = below(directory, spelled['single'] ?? spelled['double'] ?? spelled['bare'] ?? '');
    before = patch;
    return editsOfPatch(patch).map((edit) => ({ ...edit, path: below(directory, edit.path) }));
  });
}

const below = (directory: string, path: string): string =>
  directory === '' || posix.isAbsolute(path) || /^[A-Za-z]:/.test(path) ? path : posix.join(directory, path);

function replacedIn(tool: string, fields: Fields): Edit['replaces'] {
  const single = fields['old_string'];
  if (typeof single === 'string') return single === '' ? 'all' : [single];
  if (tool !== 'MultiEdit' || !Array.isArray(fields['edits'])) return 'all';
  const replaced = (fields['edits'] as readonly unknown[]).map((edit) => asFields(edit)['old_string']);
  const isComplete = replaced.every((text): text is string => typeof text === 'string' && text !== '');
  return isComplete ? replaced : 'all';
}
