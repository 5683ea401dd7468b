import { createRequire } from 'node:module';
import { App, us_listen_socket_close, us_socket_local_port, type us_listen_socket } from 'uWebSockets.js';
import type { WebSocketServer } from 'ws';

/** A WebSocket server without rules: every client receives everything. */
export interface PackedServer {
  readonly url: string;
  publish(message: Uint8Array): void;
  stop(): void;
}

/** Large enough that the baseline never drops a message that a client has not read. */
const MAX_BACKPRESSURE = 1 << 30;

/** uWebSockets.js with its own `publish`. */
export async function uwsPackedServer(): Promise<PackedServer> {
  const app = App();
  app.ws('/*', {
    maxBackpressure: MAX_BACKPRESSURE,
    idleTimeout: 120,
    compression: 0,
    open: (socket) => void socket.subscribe('all'),
  });
  const listening = await new Promise<us_listen_socket>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => (socket ? resolve(socket) : reject(new Error('cannot listen'))));
  });
  return {
    url: `ws://127.0.0.1:${String(us_socket_local_port(listening))}`,
    publish: (message) => void app.publish('all', message, true),
    stop: () => us_listen_socket_close(listening),
  };
}

/** `ws`, each message sent to each client. */
export async function wsPackedServer(): Promise<PackedServer> {
  const ws = createRequire(import.meta.url)('ws') as { WebSocketServer: typeof WebSocketServer };
  const server = new ws.WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise<void>((resolve) => server.on('listening', () => resolve()));
  return {
    url: `ws://127.0.0.1:${String((server.address() as { port: number }).port)}`,
    publish: (message) => {
      for (const client of server.clients) client.send(message, { binary: true });
    },
    stop: () => server.close(),
  };
}
