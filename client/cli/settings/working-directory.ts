import { CliError } from '../cli-error.js';

/** What stands in a path for bytes that are no UTF-8. */
const REPLACED = '\ufffd';

/** The directory that the command was started in. @throws CliError where it was removed since. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new CliError(
      `the working directory cannot be found (${code}): it was removed, or may not be looked at`,
      'no_repository',
      'change to a directory that is there, or name the repository with --root',
    );
  }
}

/**
 * A path that cannot be found may be one that cannot be said: Node names files in UTF-8.
 * @throws CliError where it was not UTF-8.
 */
export function refuseNonUtf8(path: string): void {
  if (!path.includes(REPLACED)) return;
  throw new CliError(
    `${path} is not UTF-8 on disk: no program on Node can open it by that name`,
    'no_repository',
    'rename it, or reach it through a symbolic link whose path is UTF-8',
  );
}
