import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import { busFeed } from './socket-feed.js';

export interface GapPlan {
  readonly root: string;
  readonly nats: string;
  readonly url: string;
  readonly token: string;
}

/** The longest time without an arrival at each, milliseconds, and how much arrived. */
export interface Gaps {
  readonly edgeMs: number;
  readonly bareMs: number;
  readonly edgeEvents: number;
  readonly bareMessages: number;
}

const STREAM = 'BARE';
const EVERY_MS = 20;
const RETRY_MS = 250;
const MAX_STREAMS = 40;

/**
 * Changes files and publishes to a bare stream of as many replicas, in turn; and notes when the one arrives at a client of an edge, and the
 * other at a bare consumer. Both streams are led by one server, which is killed meanwhile.
 */
await runProgram(async ({ root, nats, url, token }: GapPlan) => {
  const place = join(root, '.muse', 'coordination', 'intents');
  const connection = await connect({ servers: nats.split(','), maxReconnectAttempts: -1, reconnectTimeWait: RETRY_MS });
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const leaderOf = async (stream: string): Promise<string | undefined> =>
    (await manager.streams.info(stream)).cluster?.leader;
  const leader = await leaderOf('MUSE_default');
  for (let i = 0; ; i++) {
    if (i === MAX_STREAMS) throw new Error('no bare stream has got the leader of the other');
    await manager.streams.add({ name: STREAM, subjects: ['bare'], num_replicas: 3 });
    if ((await leaderOf(STREAM)) === leader) break;
    await manager.streams.delete(STREAM);
  }
  const client = jetstream(connection);
  const arrivals: Record<'edge' | 'bare', number[]> = { edge: [], bare: [] };
  const close = await busFeed(url, token)(root, () => arrivals.edge.push(performance.now()));
  const consumer = await client.consumers.get(STREAM, { deliver_policy: 'new' });
  const messages = await consumer.consume({ callback: () => void arrivals.bare.push(performance.now()) });

  /** Publishes one message after the other, each until it is stored, as a program does that must lose none. */
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted;
  const publish = async (): Promise<void> => {
    for (let n = 0; !isOver(); n++) {
      for (;;) {
        try {
          await client.publish('bare', String(n), { timeout: 1_000, msgID: String(n) });
          break;
        } catch {
          if (isOver()) return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  };
  const longest = (times: readonly number[]): number =>
    times.reduce((most, time, i) => (i === 0 ? most : Math.max(most, time - times[i - 1]!)), 0);
  const run = async (seconds: number): Promise<Gaps> => {
    const publishing = publish();
    const until = performance.now() + seconds * 1_000;
    for (let seq = 0; performance.now() < until; seq++) {
      const id = `gap-${String(seq % 100)}`;
      const temporary = join(place, `.${id}.tmp`);
      writeFileSync(temporary, JSON.stringify(benchRecord(id, seq)));
      renameSync(temporary, join(place, `${id}.json`));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    over.abort();
    await publishing;
    const { edge, bare } = arrivals;
    return {
      edgeMs: longest(edge),
      bareMs: longest(bare),
      edgeEvents: edge.length,
      bareMessages: bare.length,
    };
  };
  const stop = async (): Promise<void> => {
    close();
    await messages.close();
    await connection.close();
  };
  return { ready: true, calls: { run }, stop };
});
