import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a shell finds a program. */
export function isFound(program: string, env: NodeJS.ProcessEnv): boolean {
  const endings = process.platform === 'win32' ? ['', '.cmd', '.exe'] : [''];
  const paths = /[\\/]/.test(program)
    ? [program]
    : (env['PATH'] ?? '').split(delimiter).flatMap((directory) => endings.map((end) => join(directory, program + end)));
  return paths.some(canRun);
}

export function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
