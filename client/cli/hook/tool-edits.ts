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

export const isShell = (tool: string): boolean => SHELLS.has(tool);

/** Returns the edits in a tool's input. */
export function editsOf(tool: string, input: unknown): ToolEdits {
  const fields = asFields(input);
  if (isShell(tool)) {
    const command = textIn(fields, PATCH_FIELDS);
    // Codex runs a patch in a shell command as a call of its tool `apply_patch`.
    if (!command?.includes(PATCH_BEGIN)) return { is: 'none' };
    return patchIn(tool, command, directoryOf(fields, command));
  }
  if (!EDITING.has(tool)) return { is: 'none' };
  const path = textIn(fields, PATH_FIELDS);
  if (path !== undefined) return { is: 'edits', edits: [{ path, replaces: replacedIn(tool, fields) }] };
  const patch = typeof input === 'string' ? input : textIn(fields, PATCH_FIELDS);
  if (patch !== undefined) return patchIn(tool, patch, '');
  return { is: 'unreadable', why: `the input of ${tool} names no file` };
}

/** Returns the directory in which a command runs; relative to that of the agent, or empty if it is the same. */
function directoryOf(fields: Fields, command: string): string {
  const spelled: Partial<Record<string, string>> = CHANGE_DIRECTORY.exec(command)?.groups ?? {};
  const changedTo = spelled['single'] ?? spelled['double'] ?? spelled['bare'] ?? '';
  return below(textIn(fields, DIRECTORY_FIELDS) ?? '', changedTo);
}

const below = (directory: string, path: string): string =>
  directory === '' || posix.isAbsolute(path) || /^[A-Za-z]:/.test(path) ? path : posix.join(directory, path);

function patchIn(tool: string, patch: string, directory: string): ToolEdits {
  const edits = editsOfPatch(patch).map((edit) => ({ ...edit, path: below(directory, edit.path) }));
  if (edits.length > 0) return { is: 'edits', edits };
  return { is: 'unreadable', why: `the patch of ${tool} names no file` };
}

function replacedIn(tool: string, fields: Fields): Edit['replaces'] {
  const single = fields['old_string'];
  if (typeof single === 'string') return single === '' ? 'all' : [single];
  if (tool !== 'MultiEdit' || !Array.isArray(fields['edits'])) return 'all';
  const replaced = (fields['edits'] as readonly unknown[]).map((edit) => asFields(edit)['old_string']);
  const isComplete = replaced.every((text): text is string => typeof text === 'string' && text !== '');
  return isComplete ? replaced : 'all';
}
