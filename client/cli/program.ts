import { Command } from 'commander';
import { VERSION } from '../../protocol/index.js';
import { completionCommand } from './completion.js';
import { configCommand } from './config.js';
import { demo, demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { getCommand } from './get.js';
import { withHelp } from './help.js';
import { holdersCommand } from './holders.js';
import { recordCommand } from './record.js';
import { replayCommand } from './replay.js';
import { serveCommand } from './serve.js';
import type { Terminal } from './terminal.js';
import { tokenCommand } from './token.js';
import { topCommand } from './top.js';
import { waitCommand } from './wait.js';
import { watchCommand } from './watch.js';

/** The command line, one module for each command. */
export function program(terminal: Terminal): Command {
  const command = new Command('muse-bus')
    .description('The coordination bus for swarms of coding agents.')
    .version(VERSION)
    .showSuggestionAfterError();
  for (const make of COMMANDS) command.addCommand(make(terminal));
  command.addCommand(completionCommand(terminal, command));
  command.addCommand(startCommand(terminal), { hidden: true });
  return withHelp(command, {
    examples: [
      ['muse-bus serve', 'serve the repository around this directory'],
      ['muse-bus watch --kind reservation', 'print who reserves and releases, as it happens'],
      ["muse-bus wait --free 'src/a.py::f' --timeout 30", 'wait for a symbol to be free: 0 free, 2 timed out'],
    ],
    exits: {
      0: 'the command did its work; watch: also --once, --timeout, --max-events, SIGINT, SIGTERM',
      1: 'bad arguments, or the command could not do its work; doctor: something is wrong',
      2: 'wait: timed out',
    },
  });
}

const COMMANDS: readonly ((terminal: Terminal) => Command)[] = [
  serveCommand,
  watchCommand,
  getCommand,
  holdersCommand,
  waitCommand,
  topCommand,
  recordCommand,
  replayCommand,
  doctorCommand,
  configCommand,
  tokenCommand,
  demoCommand,
];

/** What `npm start` runs: the demo, or with flags a server. */
function startCommand(terminal: Terminal): Command {
  if (process.argv.length > 3) return serveCommand(terminal, 'start');
  return new Command('start').action(() => demo({ agents: '25' }, terminal));
}
