import { statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import {
  keepsModes,
  readSafeDirectories,
  SafeDirectoriesError,
  surroundings,
  userConfigFile,
} from '../../../server/repository/index.js';
import {
  LIMITS_KEY,
  limitsObject,
  limitText,
  SAFE_DIRECTORIES_KEY,
  settingCalled,
  suggestion,
  textsOf,
} from './config-entry.js';
import { ownerFault, readConfig } from './config-file.js';
import { excerpt, excerptOf } from '../terminal/excerpt.js';
import { CliError } from '../cli-error.js';
import { SETTINGS, type SettingName } from './settings.js';

/** The user's own configuration file: for each setting the texts that a flag would have. */
export interface UserConfig {
  /** `undefined` if the environment names no directory for it. */
  readonly path: string | undefined;
  readonly texts: ReadonlyMap<SettingName, readonly string[]>;
  /** Repositories of other users that this user trusts; `*` means all of them. */
  readonly safeDirectories: readonly string[];
  /** Why the file is unknown: this user may not access its directory. */
  readonly unknown: string | undefined;
}

/**
 * @returns no texts if there is no file.
 * @throws CliError for a file that others could have written, and for an invalid file: a misspelt setting must not be
 * ignored.
 */
export function readUserConfig(env: NodeJS.ProcessEnv): UserConfig {
  const path = userConfigFile(surroundings(env));
  const texts = new Map<SettingName, readonly string[]>();
  const nothing = { path, texts, safeDirectories: [], unknown: undefined };
  if (path === undefined) return nothing;
  try {
    checkDirectory(dirname(path));
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return nothing;
    // A service may run with the HOME of another user. Like git, it goes on without those settings.
    return { ...nothing, unknown: `its directory cannot be read (${code})` };
  }
  // A dotfile manager may have made the file a link. The file that it leads to is checked.
  const content = readConfig(path, 'followed', writableFault);
  if (content.state === 'absent') return nothing;
  if (content.state === 'unreadable') throw notUsed(path, content.why);
  let safeDirectories: readonly string[] = [];
  for (const [key, value] of content.entries) {
    if (key === LIMITS_KEY) {
      texts.set(
        'limit',
        limitsObject(value, path).map(([name, limit]) => limitText(name, limit, path)),
      );
    } else if (key === SAFE_DIRECTORIES_KEY) safeDirectories = directories(value, path);
    else {
      const name = settingCalled(key);
      if (name === undefined) {
        throw new CliError(`${path} has no setting ${JSON.stringify(excerpt(key))}`, 'bad_config', suggestion(key));
      }
      texts.set(name, textsOf(value, SETTINGS[name], `${key} in ${path}`));
    }
  }
  return { path, texts, safeDirectories, unknown: undefined };
}

function notUsed(path: string, why: string): CliError {
  if (!canBePrivate(dirname(path))) return withoutModes(path, why);
  const own = process.getuid?.();
  const mine = own === undefined ? 'yours' : `of user ${String(own)}`;
  return new CliError(
    `${path} is not used: ${why}`,
    'bad_config',
    `it must be a file ${mine}: chmod 600, or remove it`,
  );
}

/** Where no mode is kept, everybody may have written the file, and `chmod` changes nothing. */
const canBePrivate = (dir: string): boolean => keepsModes(dir, statSync(dir).dev);

function withoutModes(path: string, why: string): CliError {
  const hint = 'chmod 700; where that changes nothing, name a directory on another file system with XDG_CONFIG_HOME';
  return new CliError(`${path} is not used: ${why}`, 'bad_config', hint);
}

/** Anyone who may write the directory could replace the file. @throws CliError */
function checkDirectory(dir: string): void {
  const why = writableFault(statSync(dir));
  if (why === undefined) return;
  if (!canBePrivate(dir)) throw withoutModes(dir, why);
  throw new CliError(`${dir} is not used: ${why}`, 'bad_config', 'only you may be able to write it: chmod 700');
}

function writableFault(stats: Stats): string | undefined {
  // On Windows the permissions of the user's profile protect the file.
  if (process.getuid === undefined) return undefined;
  const mode = stats.mode & 0o777;
  return ownerFault(stats) ?? (mode & 0o022 ? `it has mode ${mode.toString(8)}: others can write it` : undefined);
}

function directories(value: unknown, path: string): readonly string[] {
  try {
    return readSafeDirectories(value);
  } catch (error) {
    if (!(error instanceof SafeDirectoriesError)) throw error;
    const { message, found } = error;
    throw new CliError(`${SAFE_DIRECTORIES_KEY} in ${path} ${message}, got ${excerptOf(found)}`, 'bad_config');
  }
}
