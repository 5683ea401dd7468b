import { resolve } from 'node:path';
import { BusError } from '../../sdk/bus-error.js';
import { repositoryAround } from '../../sdk/repository-bus.js';
import { CliError } from '../cli-error.js';
import { refuseNonUtf8, workingDirectory } from '../settings/working-directory.js';

/** @param root as the user named it. @throws CliError if there is no repository, BusError if it belongs to another user. */
export function repositoryAt(root: string | undefined): string {
  const from = root ?? workingDirectory();
  try {
    return repositoryAround(from, root !== undefined);
  } catch (error) {
    if (!(error instanceof BusError) || error.code !== 'no-endpoint') throw error;
    refuseNonUtf8(resolve(from));
    throw new CliError(
      error.message,
      'no_repository',
      'run inside a repository, or name one with --root; muse-bus serve --root DIR starts a bus there',
    );
  }
}
