import { BusClient } from '../bus-client.js';
import { BusError } from '../bus-error.js';
import { connect } from '../connect.js';
import { findRepository } from '../endpoint-file.js';
import { Failure } from './failure.js';
import type { Target } from './target.js';

/** How often a bus in this process looks where the kernel does not tell. */
export const LOCAL_POLL_INTERVAL_MS = 1_000;

/** A way to the events, wherever they come from. */
export interface Source {
  readonly client: BusClient;
  /** How changes are noticed, and by whom. */
  readonly label: string;
  stop(): Promise<void>;
}

/** The server of the repository, or what was named; without a server the directory itself, in this process. */
export async function findSource(target: Target, pollIntervalMs = LOCAL_POLL_INTERVAL_MS): Promise<Source> {
  const { server, root } = target;
  if (server) return served({ url: server.url, ...(server.token === undefined ? {} : { token: server.token }), root });
  try {
    return await served({ root });
  } catch (error) {
    const isAbsent = error instanceof BusError && (error.code === 'no-endpoint' || error.code === 'unreachable');
    if (!isAbsent) throw error;
  }
  // Half of the program, and of the time that it takes to start: only where it is needed.
  const { startLocalBus } = await import('./local-bus.js');
  const local = await startLocalBus(repositoryAt(root), pollIntervalMs);
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

/** @throws Failure where the directory is in no repository. */
export function repositoryAt(root: string): string {
  const repository = findRepository(root);
  if (repository !== undefined) return repository;
  throw new Failure(
    `no .muse/ in ${root} or any directory above it`,
    'no_repository',
    'run inside a repository, or name one with --root; muse-bus serve --root DIR starts a bus there',
  );
}

async function served(target: {
  readonly root: string;
  readonly url?: string;
  readonly token?: string;
}): Promise<Source> {
  const client = await connect(target);
  return { client, label: `${client.server?.backend ?? 'unknown'}, served`, stop: () => client.close() };
}
