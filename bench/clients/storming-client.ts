import { WebSocket } from 'ws';
import { SUBPROTOCOLS, unpackMessage, type Welcome } from '../../protocol/index.js';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { RawSocket } from './raw-socket.js';
import { wireFormatOf } from './wire-formats.js';

export interface StormPlan {
  readonly url: string;
  readonly token: string;
  readonly connections: number;
  /** The time in which all of them begin to connect, evenly, milliseconds. */
  readonly withinMs: number;
}

/** How many connections are not synced yet, at most: the listening socket's queue is no longer than this. */
const BACKLOG = 500;

/** Many clients that connect in a short time. */
await runProgram(({ url, token, connections, withinMs }: StormPlan) => {
  const sockets: RawSocket[] = [];

  /** Returns the position of the stream now, as a cursor. */
  async function position(): Promise<string> {
    const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { headers: { authorization: `Bearer ${token}` } });
    const [, { epoch, revision }] = await new Promise<[number, Welcome]>((resolve, reject) => {
      socket.on('error', reject).once('message', (payload: Buffer) => resolve(unpackMessage(payload) as never));
    });
    socket.terminate();
    return `${epoch}:${String(revision)}`;
  }

  /** Connects all. @returns the milliseconds until each was synced, from when it was due, and the time of the last. */
  async function storm(since: string | null): Promise<StormTime> {
    const source = { is: 'bus', url, token, snapshot: 'full', ...(since === null ? {} : { since }) } as const;
    const began = monotonicMs();
    const eachMs: number[] = [];
    let unsynced = 0;
    await new Promise<void>((done) => {
      const connect = (): void => {
        const due = Math.min(connections, ((monotonicMs() - began) / withinMs) * connections);
        while (sockets.length < due && unsynced < BACKLOG) {
          const dueAt = began + (sockets.length / connections) * withinMs;
          let isSynced = false;
          unsynced++;
          sockets.push(
            new RawSocket(new URL(url), wireFormatOf(source, 0), (socket) => {
              if (isSynced || !socket.isReady) return;
              isSynced = true;
              unsynced--;
              if (eachMs.push(monotonicMs() - dueAt) === connections) done();
            }),
          );
        }
        if (sockets.length < connections) setTimeout(connect, 2);
      };
      connect();
    });
    return {
      eachMs,
      allMs: monotonicMs() - began,
      events: sockets.reduce((sum, { reader }) => sum + reader.events, 0),
    };
  }

  return {
    ready: true,
    calls: { position, storm },
    stop: () => sockets.forEach((socket) => socket.close()),
  };
});

export interface StormTime {
  readonly eachMs: readonly number[];
  readonly allMs: number;
  readonly events: number;
}
