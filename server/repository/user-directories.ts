import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** What decides where a user's own files are. */
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

/** Where programs of this user keep what they remember: the first of what is named, XDG_STATE_HOME and the platform's own. */
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

/** The user's own settings of this program. */
export function userConfigFile({ env, platform, home }: Surroundings): string {
  const chosen = absolute(env['XDG_CONFIG_HOME']);
  const windows = platform === 'win32' ? absolute(env['APPDATA']) : undefined;
  return join(chosen ?? windows ?? join(home, '.config'), 'muse-bus', 'config.json');
}

/** An empty variable says nothing. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/** XDG has relative paths ignored. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
