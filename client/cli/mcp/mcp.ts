import { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { onSignal } from '../terminal/signals.js';
import { readTarget, withTarget, type Target, type TargetFlags } from '../commands/target.js';
import type { Terminal } from '../terminal/terminal.js';

export function mcpCommand(terminal: Terminal): Command {
  const command = new Command('mcp')
    .description('serve the bus to AI models with the Model Context Protocol over stdin and stdout')
    .action((flags: TargetFlags) => {
      const target = (): Target => readTarget(flags, process.env, 'taken');
      refuseMistakes(target, terminal);
      return mcp(target, terminal);
    });
  return withHelp(withTarget(command), {
    examples: [
      ['muse-bus mcp', 'the bus of the repository around this directory'],
      ['muse-bus mcp --root ~/shop', 'the bus of another repository'],
      ['claude mcp add muse-bus -- muse-bus mcp', 'add the tools to an MCP client'],
    ],
    exits: { ...USUAL_EXITS, 0: 'stdin was closed, or a signal' },
  });
}

/** A mistake in the arguments ends the command. An endpoint file may be written later: bus and model may start in any order. */
function refuseMistakes(target: () => Target, terminal: Pick<Terminal, 'err'>): void {
  try {
    target();
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 'no_endpoint') throw error;
    terminal.err(`${error.message}: it is looked for again at each call`);
  }
}

/** Serves the tools until stdin ends. Only the protocol is written to stdout. */
async function mcp(target: () => Target, terminal: Pick<Terminal, 'err'>): Promise<void> {
  // Loaded on demand, because the help of all commands uses this module too.
  const [{ McpBus }, { serveMcp }] = await Promise.all([import('./bus.js'), import('./server.js')]);
  const bus = new McpBus(target, terminal);
  const over = new Promise<void>((resolve) => {
    // The transport does not report the end of its input.
    process.stdin.once('end', resolve).once('close', resolve);
    process.stdout.once('error', () => {
      resolve();
    });
    onSignal(resolve);
  });
  const server = serveMcp(bus);
  await over;
  await server.close();
  await bus.close();
  process.stdin.destroy();
}
