import { BusClient } from '../../sdk/bus-client.js';
import { BusError, type BusErrorCode } from '../../sdk/bus-error.js';
import { connect, connectTo } from '../../sdk/connect.js';
import type { Address } from '../../sdk/node-channel.js';
import { otherRepositoryNote } from './other-repository.js';
import { repositoryAt } from './repository-at.js';
import { CliError, toCliError } from '../cli-error.js';
import { serverIn, type Target } from './target.js';
import type { Terminal } from '../terminal/terminal.js';

export interface SourceOptions {
  /** How often a bus in this process polls if the kernel does not report changes. @default 500 */
  readonly pollIntervalMs?: number;
  /** Ends the attempt to connect, and the client. */
  readonly signal?: AbortSignal;
}

/** The source of events: a server, or the files themselves. */
export interface Source {
  readonly client: BusClient;
  /** The mechanism that notices changes, and whether a server uses it. */
  readonly label: string;
  stop(): Promise<void>;
}

/**
 * Connects to the named server, or to the server of the repository. If the repository has no server, or none that can be reached, a bus in
 * this process reads the files. The same happens if the server in the endpoint file cannot prove its identity; that is reported.
 */
export async function findSource(
  target: Target,
  { err }: Pick<Terminal, 'err'>,
  { pollIntervalMs = 500, signal }: SourceOptions = {},
): Promise<Source> {
  const { root, server } = target;
  if (server) {
    sayOtherRepository(target, err);
    return served(connectToServer(server, root, signal));
  }
  // Checked first: without a repository there is nothing to fall back to.
  const repository = repositoryAt(root);
  try {
    return await served(connect({ ...(root === undefined ? {} : { root }), signal }));
  } catch (error) {
    if (!(error instanceof BusError) || !ABSENT.has(error.code)) throw error;
    if (error.code === 'untrusted-endpoint') {
      err(`${error.message}. No token was sent; the files are read instead (${error.hint})`);
    }
  }
  // Loaded on demand: it takes half of the time to start.
  const { startLocalBus } = await import('./local-bus.js');
  const local = await startLocalBus(repository, pollIntervalMs);
  const client = new BusClient(local.dial, { signal });
  await client.open();
  return {
    client,
    label: local.mechanism,
    stop: async () => {
      await client.close();
      local.stop();
    },
  };
}

/** The targets whose other repository was said: a wait connects again and again. */
const said = new WeakSet<Target>();

function sayOtherRepository(target: Target, err: Terminal['err']): void {
  const note = said.has(target) ? undefined : otherRepositoryNote(target);
  said.add(target);
  if (note !== undefined) err(`note: ${note}`);
}

/** Failures after which a command reads the files instead. */
const ABSENT: ReadonlySet<BusErrorCode> = new Set<BusErrorCode>(['no-endpoint', 'unreachable', 'untrusted-endpoint']);

/** Connects to a named bus. A bus from a file must prove its identity; a url and its token are trusted, because the caller gave them. */
export function connectToServer(
  { url, urls, token, served: file }: NonNullable<Target['server']>,
  root: string | undefined,
  signal?: AbortSignal,
): Promise<BusClient> {
  if (file !== undefined) return connectTo(() => addressIn(file), { signal });
  const named = { url: urls ?? url, ...(root === undefined ? {} : { root }), signal };
  return token === undefined ? connect(named).catch(withoutToken(url)) : connect({ ...named, token });
}

/** Read at each attempt: a server that starts again may have another port, and a new token. @throws BusError */
function addressIn({ file, by }: { readonly file: string; readonly by: string }): Address {
  try {
    const { url, token = '' } = serverIn(file, by);
    return { url, token, isCallers: false };
  } catch (error) {
    const { message, hint } = toCliError(error);
    throw new BusError('no-endpoint', message, hint, { cause: error });
  }
}

/** Only a repository here could have had a token for a url that was given without one. */
const withoutToken =
  (url: string) =>
  (error: unknown): never => {
    if (!(error instanceof BusError) || error.code !== 'no-endpoint') throw error;
    const hint = 'name a file with it: --token-file FILE; or set MUSE_BUS_TOKEN';
    throw new CliError(`there is no token for ${url}: none was given, and ${error.message}`, 'no_token', hint);
  };

async function served(connecting: Promise<BusClient>): Promise<Source> {
  const client = await connecting;
  return { client, label: `${client.server?.backend ?? 'unknown'}, served`, stop: () => client.close() };
}
