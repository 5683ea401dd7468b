import { Command } from 'commander';
import { BusDir, rotateTokenOf } from '../../server/index.js';
import { USUAL_EXITS, withHelp } from './help.js';
import { repositoryOf } from './serve.js';
import type { Terminal } from './terminal.js';

export function tokenCommand(terminal: Terminal): Command {
  const rotate = new Command('rotate')
    .description('make another token; every client that was let in with the one before is sent away')
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option('-j, --json', 'say what was done as one JSON object')
    .action((flags: { root?: string; json?: boolean }) => rotateToken(flags, terminal));
  const examples = [
    ['muse-bus token rotate', 'of the repository around this directory'],
    ['muse-bus token rotate --root ~/shop', 'of another one'],
    ['muse-bus token rotate --json', 'for programs'],
  ] as const;
  const token = new Command('token').description("a repository's token");
  return withHelp(token.addCommand(withHelp(rotate, { examples, exits: USUAL_EXITS })), {
    examples,
    exits: USUAL_EXITS,
  });
}
