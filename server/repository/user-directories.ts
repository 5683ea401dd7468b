import { homedir } from 'node:os';
import { isAbsolute, join, posix, win32 } from 'node:path';

/** The values that determine where a user's own files are. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

export const surroundings = (
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Surroundings => ({ env, platform, home: given(env[platform === 'win32' ? 'USERPROFILE' : 'HOME']) ?? homedir() });

/**
 * Returns the directory for the state of this user's programs: the named one, or MUSE_BUS_STATE_DIR, XDG_STATE_HOME or the
 * platform's own.
 */
export function stateHome(named: string | undefined, { env, platform, home }: Surroundings): string {
  const chosen = named ?? given(env['MUSE_BUS_STATE_DIR']) ?? absolute(env['XDG_STATE_HOME']);
  if (chosen !== undefined) return chosen;
  switch (platform) {
    case 'win32':
      return absolute(env['LOCALAPPDATA']) ?? join(home, 'AppData', 'Local');
    case 'darwin':
      return join(home, 'Library', 'Application Support');
    default:
      return join(home, '.local', 'state');
  }
}

/**
 * Returns the path of the user's own settings file of this program: `$XDG_CONFIG_HOME/muse-bus/config.json`,
 * `~/.config/muse-bus/config.json`, or on Windows `%APPDATA%\muse-bus\config.json`.
 * @returns `undefined` if the environment names no directory for it.
 */
export function userConfigFile({ env, platform, home }: Surroundings): string | undefined {
  const isWindows = platform === 'win32';
  const paths = isWindows ? win32 : posix;
  const named = isWindows ? env['APPDATA'] : env['XDG_CONFIG_HOME'];
  const standard = isWindows ? ['AppData', 'Roaming'] : ['.config'];
  const directory = named !== undefined && paths.isAbsolute(named) ? named : paths.join(home, ...standard);
  return paths.isAbsolute(directory) ? paths.join(directory, 'muse-bus', 'config.json') : undefined;
}

/** An empty variable counts as not set. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/** The XDG specification has programs ignore relative paths. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
