import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { parseServedRepository, type ServedEndpoint } from '../../../server/repository/index.js';
import { CliError } from '../cli-error.js';
import { fileError } from '../file-error.js';
import { asFields } from '../hook/fields.js';
import { addressWithoutSecret, readTokenFile } from '../settings/secret-arguments.js';

/** The flags that select a bus, as they were given. */
export interface TargetFlags {
  readonly root?: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly endpoint?: string;
}

/** The selected bus. Without `server` it is the one that serves the repository, or else the files themselves. */
export interface Target {
  /** A directory in the repository, if the user named one. To name it is to consent to reading files of other users there. */
  readonly root: string | undefined;
  readonly server:
    | {
        readonly url: string;
        /** All that were named, if they are several: edges of one repository. `url` is the first. */
        readonly urls?: readonly string[];
        readonly token: string | undefined;
        /**
         * If url and token come from a file, not from the caller: what it says of the server's repository, where it is, and what named it. A
         * server that restarts writes it again.
         */
        readonly served?: ServedEndpoint & { readonly by: string; readonly file: string };
      }
    | undefined;
}

export function withTarget(command: Command): Command {
  return command
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option(
      '--url <url>',
      'the url of the bus, ws://host:port, of several edges with commas (default: MUSE_BUS_URL, or the server of the repository)',
    )
    .option('--endpoint <file>', 'a file with the url and token of the bus (default: MUSE_BUS_ENDPOINT)')
    .option(
      '--token-file <file>',
      "a file with the token for --url, - for stdin (default: MUSE_BUS_TOKEN, or the repository's token)",
    );
}

/**
 * Reads the flags that select a bus. Flags override the environment. A url in the environment does not override a repository that a flag
 * names.
 * @param stdin whether a token may be read from standard input.
 * @throws CliError if a named file has no url or no token.
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
    const hint = 'an endpoint file and a repository have their own token; only --url needs one';
    throw new CliError('--token-file needs --url, or MUSE_BUS_URL', 'bad_args', hint);
  }
  if (flags.tokenFile === '-' && stdin === 'taken') {
    throw new CliError('--token-file - cannot be used here: stdin carries the protocol', 'bad_args', 'name a file');
  }
  if (isByFile) {
    return {
      root: undefined,
      server: serverIn(file, flags.endpoint === undefined ? 'MUSE_BUS_ENDPOINT' : '--endpoint'),
    };
  }
  const root = flags.root ?? rootInEnvironment(env)?.root;
  if (url === undefined) return { root, server: undefined };
  const address = addressWithoutSecret(url, flags.url === undefined ? 'MUSE_BUS_URL' : '--url');
  const token = flags.tokenFile === undefined ? given(env['MUSE_BUS_TOKEN']) : readTokenFile(flags.tokenFile);
  const urls = address.split(',').map((one) => one.trim());
  return { root, server: { url: urls[0]!, ...(urls.length > 1 ? { urls } : {}), token } };
}

/** Reads an endpoint file. @param by what names it. @throws CliError */
export function serverIn(file: string, by: string): NonNullable<Target['server']> {
  try {
    const found = asFields(JSON.parse(readFileSync(file, 'utf8')));
    const { url, token, boot_id } = found;
    const served = {
      by,
      file,
      repository: parseServedRepository(found['repository']),
      boot_id: typeof boot_id === 'string' ? boot_id : undefined,
    };
    if (typeof url === 'string' && typeof token === 'string') return { url, token, served };
    throw new Error('it has no url or no token');
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw fileError('read', file, error, {
      what: `${file}, which ${by} names`,
      status: 'no_endpoint',
      hint: isAbsent
        ? 'a server writes it when it listens, an edge not before it has records: is it running, what does its log say, and is this the path?'
        : '',
    });
  }
}

/** The repository that the environment names, for the bus or for all commands of Muse. */
export function rootInEnvironment(env: NodeJS.ProcessEnv): { readonly root: string; readonly by: string } | undefined {
  for (const by of ['MUSE_BUS_ROOT', 'MUSE_REPO_ROOT']) {
    const root = given(env[by]);
    if (root !== undefined) return { root, by };
  }
  return undefined;
}

/** An empty variable counts as unset. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
