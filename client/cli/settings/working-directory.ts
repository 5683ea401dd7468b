import { CliError } from '../cli-error.js';

/** Node replaces bytes that are not UTF-8 with this character. */
const REPLACEMENT = '\ufffd';

/** The working directory. @throws CliError if it was removed. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new CliError(
      `the working directory cannot be found (${code}): it was removed, or you may not access it`,
      'no_repository',
      'change to an existing directory, or name the repository with --root',
    );
  }
}

/**
 * Explains why a path was not found if its name on disk is not UTF-8, which Node requires.
 * @throws CliError if so.
 */
export function refuseNonUtf8(path: string): void {
  if (!path.includes(REPLACEMENT)) return;
  throw new CliError(
    `${path} is not UTF-8 on disk: no program on Node can open it by that name`,
    'no_repository',
    'rename it, or reach it through a symbolic link whose path is UTF-8',
  );
}
