import { Command } from 'commander';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { onSignal } from '../terminal/signals.js';
import { readTarget, withTarget, type Target, type TargetFlags } from '../commands/target.js';
import type { Terminal } from '../terminal/terminal.js';

export function mcpCommand(terminal: Terminal): Command {
  const command = new Command('mcp')
    .description('serve the bus to AI models with the Model Context Protocol over stdin and stdout')
    .action((flags: TargetFlags) => mcp(readTarget(flags, process.env, 'taken'), terminal));
  return withHelp(withTarget(command), {
    examples: [
      ['muse-bus mcp', 'the bus of the repository around this directory'],
      ['muse-bus mcp --root ~/shop', 'the bus of another repository'],
      ['claude mcp add muse-bus -- muse-bus mcp', 'add the tools to an MCP client'],
    ],
    exits: { ...USUAL_EXITS, 0: 'stdin was closed, or a signal' },
  });
}

/** Serves the tools until stdin ends. Only the protocol is written to stdout. */
export async function mcp(target: Target, terminal: Pick<Terminal, 'err'>): Promise<void> {
  // Loaded on demand, because the help of all commands uses this module too.
  const [{ StdioServerTransport }, { McpBus }, { mcpServer }] = await Promise.all([
    import('@modelcontextprotocol/sdk/server/stdio.js'),
    import('./bus.js'),
    import('./server.js'),
  ]);
  const bus = new McpBus(target, terminal);
  const server = mcpServer(bus);
  const over = new Promise<void>((resolve) => {
    // The transport does not report the end of its input.
    process.stdin.once('end', resolve).once('close', resolve);
    process.stdout.once('error', () => {
      resolve();
    });
    onSignal(resolve);
  });
  await server.connect(new StdioServerTransport());
  await over;
  await server.close();
  await bus.close();
  process.stdin.destroy();
}
