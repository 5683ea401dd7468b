import type { Identity } from './decision-text.js';

/** Longer ids of sessions are cut, because the name is in every answer. */
const SESSION_CHARACTERS = 16;

/** Returns the run that asks: from the flag, else from MUSE_RUN_ID, else a name made from the session's id, the same at every call. */
export function identify(
  flag: string | undefined,
  env: NodeJS.ProcessEnv,
  harness: string,
  session: string | undefined,
): Identity {
  if (flag !== undefined && flag !== '') return { run: flag, from: 'flag' };
  const variable = env['MUSE_RUN_ID'];
  if (variable !== undefined && variable !== '') return { run: variable, from: 'environment' };
  const name = session?.replace(/[^A-Za-z0-9]/g, '').slice(0, SESSION_CHARACTERS);
  if (name !== undefined && name !== '') return { run: `${harness}-${name}`, from: 'session' };
  return { run: '', from: 'none' };
}
