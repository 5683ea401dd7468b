import { createServer } from 'node:net';
import t from 'tap';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { RawClient } from '../../../support/raw-client.js';

/** Another user's program on the same port of the other loopback address; `undefined` where the machine has only one. */
async function squatterOn(port: number): Promise<{ close(): void; readonly count: () => number } | undefined> {
  let count = 0;
  const server = createServer((socket) => {
    count++;
    socket.destroy();
  });
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen({ port, host: '::1', ipv6Only: true }, () => resolve(true));
  });
  return isListening ? { close: () => server.close(), count: () => count } : undefined;
}

for (const transport of TRANSPORTS) {
  t.test(`${transport}: what is published is what is listened on, and leads to nobody else`, async (t) => {
    for (const host of ['0.0.0.0', '0', 'localhost', '127.1', '::ffff:0.0.0.0', '*']) {
      const running = await serve(t, { transport, host, insecure: true });
      t.equal(running.endpoint.url, `ws://127.0.0.1:${String(running.port)}`, host);
      const squatter = await squatterOn(running.port);
      const client = await RawClient.welcomed(running.endpoint);
      t.ok(await client.isAlive(), host);
      client.terminate();
      if (squatter) t.equal(squatter.count(), 0, `${host}: nobody else was called`);
      squatter?.close();
    }
  });
}
