import { Command } from 'commander';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PORT, shellWord } from '../../../protocol/index.js';
import type { Endpoint } from '../../../server/index.js';
import { CliError } from '../cli-error.js';
import { withHelp } from '../terminal/help.js';
import { STORY_ADDRESS } from './story.js';
import { inspectorUrl, startServer } from '../commands/serve.js';
import { wholeNumber } from '../settings/setting.js';
import { untilSignal } from '../terminal/signals.js';
import { isFound } from '../terminal/find-program.js';
import { ownCommand } from '../terminal/own-command.js';
import type { Terminal } from '../terminal/terminal.js';

export interface DemoFlags {
  readonly agents: string;
  readonly port?: string;
}

export function demoCommand(terminal: Terminal): Command {
  const command = new Command('demo')
    .description('serve a temporary repository with simulated agents')
    .option('--agents <n>', 'number of agents', '25')
    .option(
      '--port <n>',
      `port, 0 for any free port (default: ${String(DEFAULT_PORT)}, or any free port if that is taken)`,
    )
    .action((flags: DemoFlags) => demo(flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus demo', '25 agents, until Ctrl-C'],
      ['muse-bus demo --agents 200', '200 agents'],
      ['muse-bus demo --port 0', 'on any free port'],
    ],
    exits: {
      0: 'ended by SIGINT, SIGTERM or SIGHUP; the directory was removed',
      1: 'bad arguments, or the port is taken',
    },
  });
}

/** Serves simulated agents in a temporary repository until a signal, then removes it. */
export async function demo(flags: DemoFlags, terminal: Terminal): Promise<void> {
  const agents = wholeNumber(1, 2_000)(flags.agents, '--agents');
  const port = flags.port === undefined ? undefined : wholeNumber(0, 65_535)(flags.port, '--port');
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-demo-'));
  // Loaded on demand, because the help of all commands uses this module too.
  const { DemoSwarm } = await import('./swarm.js');
  const swarm = new DemoSwarm(root, agents);
  // Closing the terminal ends the demo too; otherwise nobody would find the directory.
  const stopped = untilSignal('SIGHUP');
  try {
    const { server, endpoint } = await serveOnFreePort(root, port);
    swarm.start();
    for (const text of introduction(root, agents, swarm.hasStory, endpoint, server.transportName ?? ''))
      terminal.out(text);
    await stopped;
    swarm.stop();
    await server.stop();
  } finally {
    swarm.stop();
    await rm(root, { recursive: true, force: true });
  }
  for (const text of ['', `The demo has ended; ${root} was removed.`]) terminal.out(text);
}

/** Serves on the given port, or else on the default port or, if that is taken, on any free one. */
async function serveOnFreePort(root: string, port: number | undefined) {
  const [{ BusServer }, { makeLog }] = await Promise.all([
    import('../../../server/index.js'),
    import('../terminal/log.js'),
  ]);
  const log = makeLog('warn');
  const server = new BusServer({ root, port: port ?? DEFAULT_PORT, log });
  try {
    return { server, endpoint: await startServer(server) };
  } catch (error) {
    if (port !== undefined || !(error instanceof CliError)) throw error;
  }
  const fallback = new BusServer({ root, port: 0, log });
  return { server: fallback, endpoint: await startServer(fallback) };
}

function introduction(
  root: string,
  agents: number,
  hasStory: boolean,
  endpoint: Endpoint,
  transport: string,
): string[] {
  const museBus = ownCommand();
  return [
    '',
    `muse-bus demo: ${String(agents)} agents in ${root}`,
    `served at ${endpoint.url} (${transport})`,
    '',
    `  Inspector         ${inspectorUrl(endpoint)}`,
    `  Second terminal   ${museBus} top --root ${shellWord(root)}`,
    `                    ${museBus} watch --root ${shellWord(root)}`,
    ...(isFound('muse-bus', process.env)
      ? []
      : [
          '  The commands that the inspector copies need the command muse-bus: npm install --global . in the checkout.',
        ]),
    '',
    ...(hasStory
      ? [
          `A story of a minute repeats at ${STORY_ADDRESS}: bob waits for alice and takes over,`,
          'carol collides with him and steps back, bob falls silent, and carol goes on when his lease ends.',
          '',
        ]
      : []),
    'Ctrl-C ends the demo and removes the directory.',
  ];
}
