import { packMessage } from '../../protocol/index.js';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import type { Sent } from '../sent.js';
import { uwsPackedServer, wsPackedServer } from './packed-server.js';

export interface PublishPlan {
  readonly engine: 'uws' | 'ws';
  readonly messages: number;
  readonly bytes: number;
}

/** How many messages are published in one turn of the loop. uWebSockets.js sends each client the messages of one turn together. */
const PER_TURN = 20;

/** Publishes without files: the events are packed before it starts. */
await runProgram(async ({ engine, messages, bytes }: PublishPlan) => {
  const server = engine === 'uws' ? await uwsPackedServer() : await wsPackedServer();
  const packed = Array.from({ length: messages }, (_, seq) => {
    const id = `burst-${String(seq).padStart(7, '0')}`;
    return packMessage([seq + 200, 1, 1, id, Date.now(), benchRecord(id, seq, bytes)]);
  });
  const burst = async (): Promise<Sent> => {
    const startedAtMs = monotonicMs();
    const atMs: number[] = [];
    for (let i = 0; i < messages; i++) {
      if (i % PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      atMs.push(monotonicMs());
      server.publish(packed[i]!);
    }
    return { startedAtMs, atMs };
  };
  return { ready: { url: server.url, bytes: packed[0]!.length }, calls: { burst }, stop: () => server.stop() };
});
