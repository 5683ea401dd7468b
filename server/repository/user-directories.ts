import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The values that determine where a user's own files are. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

export const surroundings = (env: NodeJS.ProcessEnv = process.env): Surroundings => ({
  env,
  platform: process.platform,
  home: homedir(),
});

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

/** Returns the path of the user's own settings file of this program. */
export function userConfigFile({ env, platform, home }: Surroundings): string {
  const chosen = absolute(env['XDG_CONFIG_HOME']);
  const windows = platform === 'win32' ? absolute(env['APPDATA']) : undefined;
  return join(chosen ?? windows ?? join(home, '.config'), 'muse-bus', 'config.json');
}

/** An empty variable counts as not set. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/** The XDG specification has programs ignore relative paths. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
