import {
  App,
  us_listen_socket_close,
  us_socket_local_port,
  type us_listen_socket,
  type WebSocket,
} from 'uWebSockets.js';
import { packMessage } from '../../protocol/index.js';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import type { Sent } from '../sent.js';

export interface SendPlan {
  readonly perSecond: number;
  readonly seconds: number;
}

/** Sends one message after the other to every socket, each with a call of its own: the least that a server does which looks at each result. */
await runProgram(async () => {
  const app = App();
  const sockets = new Set<WebSocket<unknown>>();
  app.ws('/*', {
    maxBackpressure: 1 << 30,
    idleTimeout: 120,
    compression: 0,
    open: (socket) => void sockets.add(socket),
    close: (socket) => void sockets.delete(socket),
  });
  const listening = await new Promise<us_listen_socket>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => (socket ? resolve(socket) : reject(new Error('cannot listen'))));
  });
  const write = async ({ perSecond, seconds }: SendPlan): Promise<Sent> => {
    const startedAtMs = monotonicMs();
    const atMs: number[] = [];
    for (let seq = 0; seq < perSecond * seconds; seq++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000 / perSecond));
      atMs.push(monotonicMs());
      const id = `paced-${String(seq)}`;
      const message = packMessage([seq + 200, 1, 1, id, Date.now(), benchRecord(id, seq)]);
      for (const socket of sockets) socket.send(message, true);
    }
    return { startedAtMs, atMs };
  };
  return {
    ready: { url: `ws://127.0.0.1:${String(us_socket_local_port(listening))}` },
    calls: { write },
    stop: () => us_listen_socket_close(listening),
  };
});
