import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { HttpHooks } from '../hook/http-hooks.js';
import { withHelp } from '../terminal/help.js';
import { onSignal } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

const DEFAULT_PORT = 6_874;
const TOKEN = 'MUSE_BUS_HOOK_TOKEN';

interface Flags {
  readonly port?: string;
  readonly root?: string;
}

export function hooksServeCommand(terminal: Terminal): Command {
  const command = new Command('serve')
    .description('answer the hooks of harnesses that send HTTP, only on this machine')
    .option('-p, --port <number>', `the port; 0 takes a free one (default: ${String(DEFAULT_PORT)})`)
    .option('--root <path>', "the repository (default: the one around the agent's directory)")
    .action((flags: Flags) => serve(flags, terminal));
  return withHelp(command, {
    examples: [
      ['muse-bus hooks serve', 'prints the url, and a token that the harness must send'],
      [`${TOKEN}=… muse-bus hooks serve`, 'with a token of your own, of 32 characters or more'],
      ['muse-bus hooks serve --port 0 --root ~/shop', 'on a free port, for one repository'],
    ],
    exits: { 0: 'a signal', 1: 'bad arguments, or the port is taken' },
  });
}

async function serve(flags: Flags, terminal: Terminal): Promise<void> {
  const port = readPort(flags.port);
  const given = process.env[TOKEN];
  const token = readToken(given);
  const hooks = new HttpHooks({ token, root: flags.root, warn: (line) => terminal.err(line) });
  const url = await hooks.start(port).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new CliError(
      `port ${String(port)} is taken`,
      'port_taken',
      'another hooks serve may run; --port 0 takes a free one',
    );
  });
  terminal.out(`${url}/hooks/claude-code`);
  if (given === undefined) terminal.out(`${TOKEN}=${token}`);
  await new Promise<void>((resolve) => {
    onSignal(resolve);
  });
  await hooks.stop();
}

function readToken(given: string | undefined): string {
  if (given === undefined) return randomBytes(32).toString('base64url');
  if (/^[\w.~+/=-]{32,256}$/.test(given)) return given;
  throw new CliError(`${TOKEN} must have 32 to 256 letters and digits`, 'bad_args', 'leave it out, and one is made');
}

function readPort(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new CliError(`--port must be a number from 0 to 65535, got ${text}`);
}
