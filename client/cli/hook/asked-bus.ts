import { otherRepository } from '../../../server/repository/index.js';
import { toCliError } from '../cli-error.js';
import { readTarget, type Target } from '../commands/target.js';
import type { FoundPlace } from './place.js';

/** The bus that is asked. An endpoint file that cannot be used says as little about holders as a bus that does not answer. */
export type AskedBus =
  | { readonly is: 'named'; readonly root: string | undefined; readonly target: Target }
  | { readonly is: 'invalid'; readonly root: string | undefined; readonly why: string };

/** Reads which bus the flag and the environment name. @param root the repository that a flag names. */
export function askedBus(root: string | undefined): AskedBus {
  try {
    const target = readTarget(root === undefined ? {} : { root });
    return { is: 'named', root: target.root, target };
  } catch (error) {
    return { is: 'invalid', root, why: toCliError(error).message };
  }
}

/**
 * Returns the bus to ask about files of a repository. What the environment names counts for the repository that the agent works in; an
 * endpoint file says whose server it is of, and one of another repository knows nothing of these files.
 */
export function busOf(asked: AskedBus, { root }: FoundPlace, isAgents: boolean): AskedBus {
  if (!isAgents) return { is: 'named', root, target: { root, server: undefined } };
  if (asked.is === 'invalid') return asked;
  const { target } = asked;
  const served = target.server?.served;
  const other = served === undefined ? undefined : otherRepository(served, root);
  if (other !== undefined) {
    return { is: 'invalid', root, why: `${served!.by} names the bus of ${other}, and the file is in ${root}` };
  }
  // A named url without a token is of the repository around the agent's directory, which need not be that of the hook's process.
  return { is: 'named', root, target: { ...target, root: target.root ?? root } };
}
