import { WebSocket } from 'ws';
import { MessageType, packMessage, SUBPROTOCOLS, unpackMessage, type WireEvent } from '../../protocol/index.js';
import { runProgram } from '../program.js';
import { wireFormatOf } from './wire-formats.js';
import { BusReader } from './payload-reader.js';
import { RawSocket } from './raw-socket.js';

interface SnapshotPlan {
  readonly url: string;
  readonly token: string;
}

/** Milliseconds from the subscription to `synced`, and the number of events in between. */
export interface SnapshotTime {
  readonly ms: number;
  readonly events: number;
}

const SUBSCRIBE = packMessage([MessageType.subscribe, 1, { snapshot: 'full' }]);

/** Measures one subscriber that decodes everything, on a connection that is already open. */
async function decodeOne({ url, token }: SnapshotPlan): Promise<SnapshotTime> {
  const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { headers: { authorization: `Bearer ${token}` } });
  await new Promise<void>((resolve, reject) => socket.on('error', reject).once('message', () => resolve()));
  let events = 0;
  const began = performance.now();
  await new Promise<void>((resolve) => {
    socket.on('message', (payload: Buffer) => {
      const [type, , , batch] = unpackMessage(payload) as readonly [number, number, number, readonly WireEvent[]];
      if (type === MessageType.batch) events += batch.length;
      else if (type === MessageType.synced) resolve();
    });
    socket.send(SUBSCRIBE);
  });
  const ms = performance.now() - began;
  socket.terminate();
  return { ms, events };
}

/** Measures many subscribers that subscribe at once and only count. The time is that of the last one. */
async function countMany({ url, token }: SnapshotPlan, connections: number): Promise<SnapshotTime> {
  const format = { ...wireFormatOf({ is: 'bus-unsubscribed', url, token }, 0), reader: () => new BusReader() };
  let synced = 0;
  let allSynced: () => void = () => undefined;
  const sockets: RawSocket[] = [];
  const done = new Promise<void>((resolve) => (allSynced = resolve));
  const seen = new Set<RawSocket>();
  for (let i = 0; i < connections; i++) {
    await new Promise<void>((opened) => {
      const progress = (socket: RawSocket): void => {
        opened();
        if (!socket.isReady || seen.has(socket)) return;
        seen.add(socket);
        if (++synced === connections) allSynced();
      };
      sockets.push(new RawSocket(new URL(url), format, progress));
    });
  }
  const began = performance.now();
  for (const socket of sockets) socket.send(SUBSCRIBE);
  await done;
  const ms = performance.now() - began;
  const events = sockets.reduce((sum, { reader }) => sum + reader.events, 0);
  for (const socket of sockets) socket.close();
  return { ms, events };
}

await runProgram((plan: SnapshotPlan) => ({
  ready: true,
  calls: {
    one: () => decodeOne(plan),
    many: (connections: number) => countMany(plan, connections),
  },
}));
