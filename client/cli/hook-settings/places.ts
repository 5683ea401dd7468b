import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
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
  /** The directory that the file must lie in, through no link. @default the root */
  readonly within?: (root: string) => string;
  /** File mode of a new file. */
  readonly mode: number;
  add(text: string | undefined, installed: Installed, path: string): SettingsEdit;
  remove(text: string | undefined): SettingsEdit;
  isIn(text: string): boolean;
  /** Returns the program that is started, with its arguments; `undefined` if that cannot be read. */
  readonly programIn?: (text: string) => string | undefined;
  readonly table?: HookTable;
  /** Other files in which the harness looks for hooks: the user's, and those that are not for the repository. */
  readonly elsewhere?: (root: string, env: NodeJS.ProcessEnv) => readonly string[];
}

export const INSTALL_PLACES: Readonly<Record<PlaceName, InstallPlace>> = {
  'claude-code': hooksAt('.claude/settings.json', CLAUDE_CODE_TABLE, (root, env) => [
    join(env['CLAUDE_CONFIG_DIR'] ?? join(homeIn(env), '.claude'), 'settings.json'),
    join(root, '.claude/settings.local.json'),
  ]),
  codex: hooksAt('.codex/hooks.json', CODEX_TABLE, (root, env) => {
    const user = env['CODEX_HOME'] ?? join(homeIn(env), '.codex');
    return [join(user, 'hooks.json'), join(user, 'config.toml'), join(root, '.codex/config.toml')];
  }),
  cursor: hooksAt('.cursor/hooks.json', CURSOR_TABLE, (_root, env) => [join(homeIn(env), '.cursor/hooks.json')]),
  git: {
    path: (root) => preCommitPath(root).path,
    within: (root) => preCommitPath(root).within,
    mode: 0o755,
    add: (text, installed, path) => addGuard(text, installed, isHusky(path)),
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

const homeIn = (env: NodeJS.ProcessEnv): string => env['HOME'] ?? homedir();

function hooksAt(path: string, table: HookTable, elsewhere: NonNullable<InstallPlace['elsewhere']>): InstallPlace {
  return {
    path: (root) => join(root, path),
    mode: 0o644,
    add: (text, installed) => addHooks(table, text, installed),
    remove: (text) => removeHooks(table, text),
    isIn: (text) => [...(hooksIn(table, text) ?? [])].some(([, { ours }]) => ours !== undefined),
    table,
    elsewhere,
  };
}

/**
 * Returns the path where git looks for the hook; the setting `core.hooksPath` may change it. The hooks of a linked working tree lie in the
 * directory of git that all working trees share.
 */
function preCommitPath(root: string): { readonly path: string; readonly within: string } {
  try {
    const found = execFileSync('git', ['rev-parse', '--git-path', 'hooks/pre-commit', '--git-common-dir'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [hook = '', shared = ''] = found.split('\n').map((path) => resolve(root, path));
    const isShared = !relative(shared, hook).startsWith('..');
    return { path: scriptOf(hook), within: isShared ? shared : root };
  } catch {
    throw new CliError(
      `${root} is not a working tree of git`,
      'no_repository',
      'the pre-commit hook is for commits of git',
    );
  }
}

const HUSKY = '.husky';

/** Husky recreates the directory `.husky/_` at each install; git runs what is there, which runs the script of the user beside it. */
function scriptOf(hook: string): string {
  const directory = dirname(hook);
  const isMade = basename(directory) === '_' && basename(dirname(directory)) === HUSKY;
  return isMade ? join(dirname(directory), basename(hook)) : hook;
}

/** Whether husky runs the file, with a shell, whatever its first line is. */
const isHusky = (path: string): boolean => basename(dirname(path)) === HUSKY;
