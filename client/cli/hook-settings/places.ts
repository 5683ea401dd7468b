import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { addGuard, guardProgram, hasGuard, removeGuard } from './git-guard.js';
import { CLAUDE_CODE_TABLE, CODEX_TABLE, CURSOR_TABLE } from './harness-tables.js';
import { addHooks, hooksIn, removeHooks, type HookTable } from './hook-table.js';
import { addMcpServer, hasMcpServer, mcpProgram, removeMcpServer } from './mcp-servers.js';
import type { Installed, SettingsEdit } from './settings-edit.js';

export const PLACES = ['claude-code', 'codex', 'cursor', 'git', 'mcp'] as const;
export type PlaceName = (typeof PLACES)[number];

/** A file in which the hooks or the MCP server can be installed, and how. */
export interface InstallPlace {
  /** @throws CliError if the repository cannot have such a file. */
  path(root: string): string;
  /** File mode of a new file. */
  readonly mode: number;
  add(text: string | undefined, installed: Installed): SettingsEdit;
  remove(text: string | undefined): SettingsEdit;
  isIn(text: string): boolean;
  /** Returns the program that is started; `undefined` if that cannot be read. */
  readonly programIn?: (text: string) => string | undefined;
  readonly table?: HookTable;
}

export const INSTALL_PLACES: Readonly<Record<PlaceName, InstallPlace>> = {
  'claude-code': hooksAt('.claude/settings.json', CLAUDE_CODE_TABLE),
  codex: hooksAt('.codex/hooks.json', CODEX_TABLE),
  cursor: hooksAt('.cursor/hooks.json', CURSOR_TABLE),
  git: {
    path: preCommitPath,
    mode: 0o755,
    add: addGuard,
    remove: removeGuard,
    isIn: hasGuard,
    programIn: guardProgram,
  },
  mcp: {
    path: (root) => join(root, '.mcp.json'),
    mode: 0o644,
    add: addMcpServer,
    remove: removeMcpServer,
    isIn: hasMcpServer,
    programIn: mcpProgram,
  },
};

function hooksAt(path: string, table: HookTable): InstallPlace {
  return {
    path: (root) => join(root, path),
    mode: 0o644,
    add: (text, installed) => addHooks(table, text, installed),
    remove: (text) => removeHooks(table, text),
    isIn: (text) => [...(hooksIn(table, text) ?? [])].some(([, { ours }]) => ours !== undefined),
    table,
  };
}

/** Returns the path where git looks for the hook; the setting `core.hooksPath` may change it. */
function preCommitPath(root: string): string {
  try {
    const path = execFileSync('git', ['rev-parse', '--git-path', 'hooks/pre-commit'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return resolve(root, path.replace(/\n$/, ''));
  } catch {
    throw new CliError(`${root} is no working tree of git`, 'no_repository', 'the guard is for commits of git');
  }
}
