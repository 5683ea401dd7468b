import { resolve } from 'node:path';
import { BusClient } from '../../sdk/bus-client.js';
import { BusError, type BusErrorCode } from '../../sdk/bus-error.js';
import { connect, connectTo } from '../../sdk/connect.js';
import { repositoryAround } from '../../sdk/repository-bus.js';
import { CliError } from '../cli-error.js';
import type { Target } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import { refuseNonUtf8, workingDirectory } from '../settings/working-directory.js';

/** How often a bus in this process looks where the kernel does not tell. */
export const LOCAL_POLL_INTERVAL_MS = 1_000;

/** A way to the events, wherever they come from. */
export interface Source {
  readonly client: BusClient;
  /** How changes are noticed, and by whom. */
  readonly label: string;
  stop(): Promise<void>;
}

/**
 * The server of the repository, or what was named; without a server the directory itself, in this process. So it is where
 * there is something that claims to be the server and has not shown it, which is said.
 */
export async function findSource(
  target: Target,
  { err }: Pick<Terminal, 'err'>,
  pollIntervalMs = LOCAL_POLL_INTERVAL_MS,
): Promise<Source> {
  const { root, server } = target;
  if (server) return served(connectToServer(server, root));
  // Looked for first: without a repository there is nothing to fall back to.
  const repository = repositoryAt(root);
  try {
    return await served(connect(root === undefined ? {} : { root }));
  } catch (error) {
    if (!(error instanceof BusError) || !ABSENT.has(error.code)) throw error;
    if (error.code === 'untrusted-endpoint') {
      err(`${error.message}. No token was sent; the files are read instead (${error.hint})`);
    }
  }
  // Half of the program, and of the time that it takes to start: only where it is needed.
  const { startLocalBus } = await import('./local-bus.js');
  const local = await startLocalBus(repository, pollIntervalMs);
  const client = new BusClient(local.dial);
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

/** What a command can do without. */
const ABSENT: ReadonlySet<BusErrorCode> = new Set<BusErrorCode>(['no-endpoint', 'unreachable', 'untrusted-endpoint']);

/** A bus that was named. What a file says of it has to be proven by the bus; a url and its token are the caller's own word. */
export function connectToServer(
  { url, token, isFromFile }: NonNullable<Target['server']>,
  root: string | undefined,
): Promise<BusClient> {
  if (isFromFile && token !== undefined) return connectTo(() => ({ url, token, isCallers: false }));
  return connect({ url, ...(token === undefined ? {} : { token }), ...(root === undefined ? {} : { root }) });
}

/** @param root as it was named. @throws CliError where there is no repository, BusError where it is another user's. */
export function repositoryAt(root: string | undefined): string {
  const from = root ?? workingDirectory();
  try {
    return repositoryAround(from, root !== undefined);
  } catch (error) {
    if (!(error instanceof BusError) || error.code !== 'no-endpoint') throw error;
    refuseNonUtf8(resolve(from));
    throw new CliError(
      error.message,
      'no_repository',
      'run inside a repository, or name one with --root; muse-bus serve --root DIR starts a bus there',
    );
  }
}

async function served(connecting: Promise<BusClient>): Promise<Source> {
  const client = await connecting;
  return { client, label: `${client.server?.backend ?? 'unknown'}, served`, stop: () => client.close() };
}
