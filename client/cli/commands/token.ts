import { Command } from 'commander';
import { renewToken } from '../../../server/index.js';
import { BusError } from '../../sdk/bus-error.js';
import { connect } from '../../sdk/connect.js';
import { findRepositoryBus } from '../../sdk/repository-bus.js';
import { CliError } from '../cli-error.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { repositoryOf } from './serve.js';
import type { Terminal } from '../terminal/terminal.js';

interface RotateFlags {
  readonly root?: string;
  readonly json?: boolean;
}

/** A server checks its token every second. */
const TIMEOUT_MS = 5_000;
const POLL_INTERVAL_MS = 50;

export function tokenCommand(terminal: Terminal): Command {
  const examples = [
    ['muse-bus token rotate', 'change the token of the repository around this directory'],
    ['muse-bus token rotate --root ~/shop', 'of another repository'],
    ['muse-bus token rotate --json', 'print the result for a program'],
  ] as const;
  const rotate = new Command('rotate')
    .description('create a new token; a running server uses it and disconnects clients that used the old one')
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option('-j, --json', 'print the result as one JSON object')
    .action((flags: RotateFlags) => rotateToken(flags, terminal));
  const token = new Command('token').description("manage a repository's token");
  token.addCommand(withHelp(rotate, { examples, exits: USUAL_EXITS }));
  return withHelp(token, { examples, exits: USUAL_EXITS });
}

async function rotateToken(flags: RotateFlags, terminal: Terminal): Promise<void> {
  const root = repositoryOf(flags.root);
  const running = await serverOf(root);
  const token = await renewToken(root);
  if (running !== undefined) await untilServerUses(root, token);
  if (flags.json === true) terminal.json({ status: 'rotated', server: running ?? null });
  else if (running === undefined)
    terminal.out('The token has changed. No server is running; muse-bus serve starts one.');
  else terminal.out(`The token has changed. The server at ${running} uses the new one.`);
}

/** The url of the server of a repository; `undefined` if none answers. */
async function serverOf(root: string): Promise<string | undefined> {
  try {
    const { url } = findRepositoryBus(root, true).endpoint;
    const bus = await connect({ root });
    await bus.close();
    return url;
  } catch (error) {
    if (error instanceof BusError) return undefined;
    throw error;
  }
}

function tokenOfServer(root: string): string | undefined {
  try {
    return findRepositoryBus(root, true).endpoint.token;
  } catch (error) {
    if (error instanceof BusError) return undefined;
    throw error;
  }
}

/** Waits until the server has written the new token to its endpoint file. */
async function untilServerUses(root: string, token: string): Promise<void> {
  for (const giveUpAt = performance.now() + TIMEOUT_MS; performance.now() < giveUpAt;) {
    if (tokenOfServer(root) === token) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  throw new CliError(
    'the token has changed, but the server does not use it yet',
    'not_taken',
    'send SIGHUP to the server, or restart it',
  );
}
