import { BusClient } from '../bus-client.js';
import { BusError } from '../bus-error.js';
import { connect } from '../connect.js';
import { findRepository } from '../endpoint-file.js';
import type { Subscription } from '../subscription.js';
import { eventLine } from './event-text.js';
import { Failure } from './failure.js';
import { startLocalBus } from './local-bus.js';
import { printable } from './printable.js';
import type { Terminal } from './terminal.js';
import type { WatchOptions } from './watch-options.js';

/** A way to the events, wherever they come from. */
interface Source {
  readonly client: BusClient;
  /** How changes are noticed, and by whom. */
  readonly label: string;
  stop(): Promise<void>;
}

/** Runs until the cap, the timeout, a signal or, with `once`, the end of the snapshot. */
export async function watch(options: WatchOptions, terminal: Terminal): Promise<void> {
  const source = await findSource(options);
  const subscription = source.client.subscribe(
    options.filter,
    options.maxEvents === undefined ? {} : { maxEvents: options.maxEvents },
  );
  const release = endOnSignals(subscription, options.timeoutMs);
  try {
    if (!options.json) printHeader(options, source.label, terminal);
    await printUpdates(subscription, options, terminal);
    if (!options.json) terminal.out('\n  (watch ended)');
  } finally {
    release();
    await source.stop();
  }
}

async function printUpdates(subscription: Subscription, options: WatchOptions, terminal: Terminal): Promise<void> {
  for await (const update of subscription.updates()) {
    switch (update.type) {
      case 'event':
        terminal.out(options.json ? JSON.stringify(update.event) : eventLine(update.event, terminal.colours));
        break;
      case 'synced':
        if (options.once) return;
        break;
      case 'resync':
        if (!options.json) terminal.err(`history was lost (${update.reason}): the state again from the beginning`);
        break;
    }
  }
}

/** The server of the repository, or what was named; without a server the directory itself, in this process. */
async function findSource({ server, root, pollIntervalMs }: WatchOptions): Promise<Source> {
  if (server) return served({ url: server.url, ...(server.token === undefined ? {} : { token: server.token }), root });
  try {
    return await served({ root });
  } catch (error) {
    const isAbsent = error instanceof BusError && (error.code === 'no-endpoint' || error.code === 'unreachable');
    if (!isAbsent) throw error;
  }
  const repository = findRepository(root);
  if (repository === undefined) {
    throw new Failure(
      `no .muse/ in ${root} or any directory above it`,
      'no_repository',
      'run inside a repository, or name one with --root',
    );
  }
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

async function served(target: {
  readonly root: string;
  readonly url?: string;
  readonly token?: string;
}): Promise<Source> {
  const client = await connect(target);
  return { client, label: `${client.server?.backend ?? 'unknown'}, served`, stop: () => client.close() };
}

function endOnSignals(subscription: Subscription, timeoutMs: number | undefined): () => void {
  const end = (): void => void subscription.close();
  process.once('SIGINT', end).once('SIGTERM', end);
  const timer = timeoutMs === undefined ? undefined : setTimeout(end, Math.min(timeoutMs, 2 ** 31 - 1));
  return () => {
    process.off('SIGINT', end).off('SIGTERM', end);
    clearTimeout(timer);
  };
}

const RULE = '─'.repeat(62);

function printHeader({ filter, maxEvents }: WatchOptions, label: string, terminal: Terminal): void {
  terminal.out(`\nmuse-bus watch: watching .muse/coordination/ (${label})`);
  const parts = [
    ...(filter.kinds ?? []).map((kind) => `kind=${kind}`),
    ...(filter.run_ids ?? []).map((run) => `run-id=${printable(run)}`),
    ...(filter.branches ?? []).map((branch) => `branch=${printable(branch)}`),
    ...(maxEvents === undefined ? [] : [`max-events=${String(maxEvents)}`]),
  ];
  if (parts.length > 0) terminal.out(`  filter: ${parts.join(', ')}`);
  terminal.out(RULE);
}
