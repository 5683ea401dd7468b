import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import { busFeed } from './socket-feed.js';

export interface ConsumerPlan {
  readonly root: string;
  readonly nats: string;
  readonly url: string;
  readonly token: string;
}

/** Milliseconds from a change of a file until each has it, change by change. */
export interface SameChanges {
  readonly edge: readonly number[];
  readonly consumer: readonly number[];
}

const PATIENCE_MS = 5_000;

/**
 * Changes files, and waits for each change at a client of an edge and at a bare consumer of the same stream, both in this process: whatever
 * else the machine does, it does to both.
 */
await runProgram(async ({ root, nats, url, token }: ConsumerPlan) => {
  const place = join(root, '.muse', 'coordination', 'intents');
  let expected = '';
  let arrived: Partial<Record<'edge' | 'consumer', number>> = {};
  let both: () => void = () => undefined;
  const note = (who: 'edge' | 'consumer', id: string): void => {
    if (id !== expected) return;
    arrived[who] ??= performance.now();
    if (arrived.edge !== undefined && arrived.consumer !== undefined) both();
  };
  const close = await busFeed(url, token)(root, ({ id }) => note('edge', id));
  const connection = await connect({ servers: nats });
  const consumer = await jetstream(connection).consumers.get('MUSE_default', { deliver_policy: 'new' });
  const messages = await consumer.consume({
    callback: ({ subject }) => note('consumer', subject.slice(subject.lastIndexOf('.') + 1)),
  });
  let count = 0;
  const change = async (): Promise<{ edge: number; consumer: number } | undefined> => {
    await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 8));
    const id = `same-${String(++count)}`;
    const temporary = join(place, `.${id}.tmp`);
    writeFileSync(temporary, JSON.stringify(benchRecord(id, count)));
    arrived = {};
    expected = id;
    const seen = new Promise<boolean>((resolve) => {
      const giveUp = setTimeout(() => resolve(false), PATIENCE_MS);
      both = () => {
        clearTimeout(giveUp);
        resolve(true);
      };
    });
    const began = performance.now();
    renameSync(temporary, join(place, `${id}.json`));
    if (!(await seen)) return undefined;
    return { edge: arrived.edge! - began, consumer: arrived.consumer! - began };
  };
  const measure = async (samples: number): Promise<SameChanges> => {
    for (let i = 0; i < samples / 2; i++) await change();
    const found = [];
    while (found.length < samples) {
      const one = await change();
      if (one) found.push(one);
    }
    return { edge: found.map(({ edge }) => edge), consumer: found.map((one) => one.consumer) };
  };
  const stop = async (): Promise<void> => {
    close();
    await messages.close();
    await connection.close();
  };
  return { ready: true, calls: { measure }, stop };
});
