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

/** A server looks at its token every second. */
const PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 50;

export function tokenCommand(terminal: Terminal): Command {
  const examples = [
    ['muse-bus token rotate', 'of the repository around this directory'],
    ['muse-bus token rotate --root ~/shop', 'of another one'],
    ['muse-bus token rotate --json', 'said to a program'],
  ] as const;
  const rotate = new Command('rotate')
    .description('make another token; a server that runs takes it, and sends everyone away who came with the old one')
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option('-j, --json', 'say what was done as one JSON object')
    .action((flags: RotateFlags) => rotateToken(flags, terminal));
  const token = new Command('token').description("a repository's token");
  token.addCommand(withHelp(rotate, { examples, exits: USUAL_EXITS }));
  return withHelp(token, { examples, exits: USUAL_EXITS });
}

async function rotateToken(flags: RotateFlags, terminal: Terminal): Promise<void> {
  const root = repositoryOf(flags.root);
  const running = await serverOf(root);
  const token = await renewToken(root);
  if (running !== undefined) await untilTaken(root, token);
  if (flags.json === true) terminal.json({ status: 'rotated', server: running ?? null });
  else if (running === undefined)
    terminal.out('The token is changed. No server is running; muse-bus serve starts one.');
  else terminal.out(`The token is changed, and the server at ${running} has taken it.`);
}

/** The url of the server that answers for a repository; `undefined` where none does. */
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

/** The server writes the endpoint anew with the token that it takes. */
async function untilTaken(root: string, token: string): Promise<void> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; performance.now() < giveUpAt;) {
    if (tokenOfServer(root) === token) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new CliError(
    'the token is changed, but the server has not taken it',
    'not_taken',
    'send it SIGHUP where it runs muse-bus serve, or start it again',
  );
}
