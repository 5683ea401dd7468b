import { Argument, Command, Option } from 'commander';
import { HARNESSES, hook, type HookFlags } from '../hook/hook.js';
import { withChoices, withHelp } from '../terminal/help.js';
import type { Terminal } from '../terminal/terminal.js';

export function hookCommand(terminal: Terminal): Command {
  const command = new Command('hook')
    .description('answer the hook of a coding agent, with its JSON on stdin; as git, check a commit')
    .addArgument(withChoices(new Argument('<harness>', 'what calls the hook'), HARNESSES))
    .option('--run-id <run>', 'the run that asks (default: MUSE_RUN_ID, or a name made from the session)')
    .option('-b, --branch <branch>', 'the branch it works on (default: what git has checked out)')
    .option('--root <path>', "the repository (default: MUSE_BUS_ROOT, or the one around the agent's directory)")
    .addOption(
      withChoices(
        new Option('--when-unknown <policy>', 'what to do with an edit if it is unknown who holds the file'),
        ['pass', 'deny'],
      ),
    )
    .action((harness: string, flags: HookFlags) => hook(harness, flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus hook claude-code < input.json', 'what Claude Code calls before an edit'],
      ['muse-bus hook codex --when-unknown deny', 'deny edits while the bus cannot say who holds a file'],
      ['muse-bus hook cursor --run-id agent-7', 'as this run'],
    ],
    exits: {
      0: 'answered; nothing is printed if nothing prevents the edit',
      1: 'bad arguments, or an input that cannot be read: the agent continues; git: the commit is denied',
      2: 'an input that cannot be read, with --when-unknown deny: the agent is stopped',
    },
  });
}
