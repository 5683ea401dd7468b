import { serverArgv, type BenchOptions } from './bench.js';
import { withChildren, type Child, type Start } from './child.js';
import { JetStreamServer } from './peers/jetstream.js';
import type { Table } from './report.js';
import { withRepository } from './repository.js';
import type { Target } from './target.js';

/** Where a server is reached. */
export interface Reached {
  readonly url: string;
  readonly token: string;
}

/** An origin that publishes, and an edge that serves what it publishes. */
export interface Relayed {
  readonly root: string;
  readonly nats: JetStreamServer;
  readonly origin: Child<Reached>;
  /** @param publicKeys of the origin: then the edge checks signatures. */
  startEdge(publicKeys?: readonly string[]): Promise<Child<Reached & { readonly startedMs: number }>>;
  readonly start: Start;
}

/** Runs `body` with an origin and an edge in new processes, and a new NATS. */
export async function withRelay<T>(
  records: number,
  options: BenchOptions,
  body: (relayed: Relayed) => Promise<T>,
): Promise<T> {
  const nats = await JetStreamServer.start();
  try {
    return await withRepository(records, ({ root }) =>
      withChildren(async (start) => {
        const relay = { url: nats.url };
        const origin = await start<Reached>('programs/bus', { root, relay, journal: true }, serverArgv(options));
        const startEdge = (publicKeys: readonly string[] = []) =>
          start<Reached & { startedMs: number }>('programs/edge', { ...relay, publicKeys }, serverArgv(options));
        return await body({ root, nats, origin, startEdge, start });
      }),
    );
  } finally {
    await nats.dispose();
  }
}

/** What one part of this bench has found. */
export interface RelayPart {
  readonly table: Table;
  readonly target: Target;
  readonly raw: object;
}
