import { WebSocket } from 'ws';
import { MessageType, packMessage, SUBPROTOCOLS, unpackMessage } from '../../protocol/index.js';
import { runProgram } from '../program.js';

export interface Resumed {
  /** How the server answers the cursor: `replay`, or `resync`. */
  readonly mode: string;
  readonly events: number;
  readonly ms: number;
}

/** Subscribes after a cursor, and counts what comes until everything has been sent. */
function resume(url: string, token: string, since: string): Promise<Resumed> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { headers: { authorization: `Bearer ${token}` } });
    let mode = '';
    let events = 0;
    socket.on('error', reject);
    socket.on('open', () => socket.send(packMessage([MessageType.subscribe, 1, { since }])));
    socket.on('message', (payload: Buffer) => {
      const [type, , , more] = unpackMessage(payload) as readonly [number, unknown, unknown, unknown];
      if (type === MessageType.subscribed) mode = more as string;
      else if (type === MessageType.batch) events += (more as readonly unknown[]).length;
      else if (type === MessageType.synced) {
        socket.terminate();
        resolve({ mode, events, ms: performance.now() - began });
      }
    });
  });
}

await runProgram(({ url, token }: { url: string; token: string }) => ({
  ready: true,
  calls: { resume: (since: string) => resume(url, token, since) },
}));
