import { jetstreamManager } from '@nats-io/jetstream';
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

/** The longest time without an event at the edge, and without an answer of the stream's leader, milliseconds; and how many there were. */
export interface Gaps {
  readonly edgeMs: number;
  readonly bareMs: number;
  readonly edgeEvents: number;
  readonly bareAnswers: number;
}

const EVERY_MS = 20;
/** How often the edge and the origin try to connect again, too. */
const RETRY_MS = 250;

/**
 * Changes files, and notes when the changes arrive at a client of an edge. A bare client asks meanwhile, again and again, what only the
 * leader of the same stream answers: nobody can publish before it does. The leader is killed meanwhile.
 */
await runProgram(async ({ root, nats, url, token }: GapPlan) => {
  const place = join(root, '.muse', 'coordination', 'intents');
  const connection = await connect({
    servers: nats.split(','),
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_MS,
  });
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 2_000 });
  const arrivals: Record<'edge' | 'bare', number[]> = { edge: [], bare: [] };
  const close = await busFeed(url, token)(root, () => arrivals.edge.push(performance.now()));

  const longest = (times: readonly number[]): number =>
    times.reduce((most, time, i) => (i === 0 ? most : Math.max(most, time - times[i - 1]!)), 0);
  const run = async (seconds: number): Promise<Gaps> => {
    const until = performance.now() + seconds * 1_000;
    for (let seq = 0; performance.now() < until; seq++) {
      const id = `gap-${String(seq % 100)}`;
      const temporary = join(place, `.${id}.tmp`);
      writeFileSync(temporary, JSON.stringify(benchRecord(id, seq)));
      renameSync(temporary, join(place, `${id}.json`));
      manager.streams.info('MUSE_default').then(
        () => arrivals.bare.push(performance.now()),
        () => undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    const { edge, bare } = arrivals;
    return { edgeMs: longest(edge), bareMs: longest(bare), edgeEvents: edge.length, bareAnswers: bare.length };
  };
  const stop = async (): Promise<void> => {
    close();
    await connection.close();
  };
  return { ready: true, calls: { run }, stop };
});
