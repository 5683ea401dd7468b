import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { CliError } from '../cli-error.js';
import { addressWithoutSecret, readTokenFile } from '../settings/secret-arguments.js';

/** Which bus is meant, as it was written. */
export interface TargetFlags {
  readonly root?: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly endpoint?: string;
}

/** Which bus is meant. Without `server` it is the one that serves the repository, or the directory itself. */
export interface Target {
  /** A directory in the repository, where one was named: that is consent to what another user has put there. */
  readonly root: string | undefined;
  readonly server:
    | {
        readonly url: string;
        readonly token: string | undefined;
        /** Whether they are what a file says, and not the caller's own word. */
        readonly isFromFile: boolean;
      }
    | undefined;
}

export function withTarget(command: Command): Command {
  return command
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option('--url <url>', 'the bus, ws://host:port (default: MUSE_BUS_URL, or the one that serves the repository)')
    .option('--endpoint <file>', 'the file in which a bus says where it is and its token (default: MUSE_BUS_ENDPOINT)')
    .option('--token-file <file>', 'the token for --url, - for stdin (default: MUSE_BUS_TOKEN, or of the repository)');
}

/**
 * Flags over environment; a repository that is named by a flag is not overruled by a url in the environment.
 * @param stdin whether a token may come from there, or something else does.
 * @throws CliError where a file that is named says nothing of a bus.
 */
export function readTarget(
  flags: TargetFlags,
  env: NodeJS.ProcessEnv = process.env,
  stdin: 'free' | 'taken' = 'free',
): Target {
  const isNamed = flags.url !== undefined || flags.root !== undefined;
  const file = flags.endpoint ?? (isNamed ? undefined : given(env['MUSE_BUS_ENDPOINT']));
  const isByFile = file !== undefined && flags.url === undefined;
  const variable = flags.root === undefined && !isByFile ? given(env['MUSE_BUS_URL']) : undefined;
  const url = flags.url ?? variable;
  if (flags.tokenFile !== undefined && url === undefined) {
    const hint = "an endpoint's file and a repository have their own token; --url names a bus that has neither";
    throw new CliError('--token-file needs --url, or MUSE_BUS_URL', 'bad_args', hint);
  }
  if (flags.tokenFile === '-' && stdin === 'taken') {
    throw new CliError('--token-file - is refused here: stdin carries the protocol', 'bad_args', 'name a file');
  }
  if (isByFile) return { root: undefined, server: serverIn(file) };
  const root = flags.root ?? rootInEnvironment(env)?.root;
  if (url === undefined) return { root, server: undefined };
  const address = addressWithoutSecret(url, flags.url === undefined ? 'MUSE_BUS_URL' : '--url');
  const token = flags.tokenFile === undefined ? given(env['MUSE_BUS_TOKEN']) : readTokenFile(flags.tokenFile);
  return { root, server: { url: address, token, isFromFile: false } };
}

function serverIn(file: string): NonNullable<Target['server']> {
  try {
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as { url?: unknown; token?: unknown };
    if (typeof url === 'string' && typeof token === 'string') return { url, token, isFromFile: true };
    throw new Error('it has no url or no token');
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`, 'no_endpoint', 'is the server running?');
  }
}

/** The repository that the environment names: for the bus alone, or for every command of Muse. */
export function rootInEnvironment(env: NodeJS.ProcessEnv): { readonly root: string; readonly by: string } | undefined {
  for (const by of ['MUSE_BUS_ROOT', 'MUSE_REPO_ROOT']) {
    const root = given(env[by]);
    if (root !== undefined) return { root, by };
  }
  return undefined;
}

/** An empty variable says nothing. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
