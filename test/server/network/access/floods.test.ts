import { connect } from 'node:net';
import t from 'tap';
import { MessageType } from '../../../../protocol/index.js';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { ask, handshake, request } from '../../../support/http-wire.js';
import { ServerChild } from '../../../support/server-child.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    t.test('a client that stops reading delays no other client, and uses bounded memory', async (t) => {
      const server = await serve(t, { transport, limits: { maxQueuedBytes: 65_536 } });
      const slow = await RawClient.welcomed(server.endpoint);
      const fast = await RawClient.welcomed(server.endpoint);
      t.teardown(() => {
        slow.terminate();
        fast.terminate();
      });
      for (const client of [slow, fast]) {
        client.send([MessageType.subscribe, 1, { snapshot: 'none' }]);
        await client.received(MessageType.synced);
      }
      slow.socket.pause();
      const padding = 'x'.repeat(50_000);
      const last = 300;
      for (let i = 0; i <= last; i++) {
        server.repository.record('task', `t${String(i)}`, { padding });
        // One turn for each write. Otherwise the watcher sees only the last of many.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const seen = (client: RawClient): number =>
        client.messages
          .filter(([type]) => type === MessageType.events)
          .reduce((sum, message) => sum + (message[3] as unknown[]).length, 0);
      await untilFound('the fast one has all', () => seen(fast) > last);
      t.ok(seen(slow) <= last, 'the slow one has not');
      slow.socket.resume();
      await untilFound(
        'the slow client catches up, or receives a resync',
        () => seen(slow) > last || slow.messages.some(([type]) => type === MessageType.resync),
      );
    });

    t.test('a thousand connections at once are accepted, and their messages answered', async (t) => {
      const server = await serve(t, { transport });
      const clients = await Promise.all(Array.from({ length: 1_000 }, () => RawClient.welcomed(server.endpoint)));
      t.equal(server.server.bus.connectionCount, 1_000);
      t.ok((await Promise.all(clients.map((client) => client.isAlive()))).every((alive) => alive));
      for (const client of clients) client.terminate();
      await untilFound('all are gone', () => server.server.bus.connectionCount === 0);
    });

    t.test('thousands of connections that open and close leave no memory behind', async (t) => {
      const server = await serve(t, { transport, limits: { maxPendingConnections: 50 } });
      const host = `Host: 127.0.0.1:${String(server.port)}`;
      for (let round = 0; round < 20; round++) {
        await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            ask(server.port, i % 2 === 0 ? request('GET /healthz', [host]) : handshake(server)),
          ),
        );
      }
      await untilFound('no session is left', () => server.server.bus.connectionCount === 0);
      t.equal((await ask(server.port, handshake(server))).status, 101, 'the count of those not let in does not creep');
      t.notOk(server.log.has('not authenticated'));
    });

    t.test('thousands of requests at once, whose answers are not read, use bounded memory', async (t) => {
      if (process.platform !== 'linux') {
        t.comment('only Linux tells the memory of another process');
        return;
      }
      const server = await ServerChild.start({ transport, journal: false });
      t.teardown(() => server.stop());
      const host = `Host: 127.0.0.1:${String(server.port)}`;
      const page = request('GET /inspector.js', [host]);
      // One normal request first, so that memory for code that is loaded late is not counted.
      await ask(server.port, page);
      const atRest = server.memoryBytes();
      for (const bytes of [page, request('GET /healthz', [host]), request('HEAD /inspector.js', [host])]) {
        const sockets = Array.from({ length: 4 }, () => {
          const socket = connect(server.port, '127.0.0.1');
          socket.on('error', () => undefined).pause();
          socket.write(bytes.repeat(12_000));
          return socket;
        });
        await untilFound('the server still answers', async () => (await ask(server.port, page)).status === 200);
        for (const socket of sockets) socket.destroy();
      }
      t.ok(server.isAlive());
      const grownMb = (server.memoryBytes() - atRest) / 1_048_576;
      t.ok(grownMb < 60, `grown by ${grownMb.toFixed(0)} MB`);
    });

    t.test('many silent connections do not keep out a client with the token', async (t) => {
      const server = await serve(t, { transport, limits: { maxPendingConnections: 100 } });
      const client = await RawClient.welcomed(server.endpoint);
      const crowd = Array.from({ length: 500 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
      await untilFound('the limit is reached', () => server.log.has('not authenticated'));
      for (let n = 0; n < 20; n++) {
        t.equal((await ask(server.port, handshake(server))).status, 101, 'a newcomer with the token is let in');
      }
      t.ok(await client.isAlive());
      client.terminate();
      for (const socket of crowd) socket.destroy();
    });

    t.test('a flood of syncs of everything is answered, each once', async (t) => {
      const server = await serve(t, { transport });
      for (let i = 0; i < 200; i++) server.repository.record('task', `t${String(i)}`);
      const client = await RawClient.welcomed(server.endpoint);
      t.teardown(() => client.terminate());
      for (let nonce = 0; nonce < 2_000; nonce++) client.send([MessageType.sync, nonce]);
      await untilFound(
        'all answers',
        () => client.messages.filter(([type]) => type === MessageType.syncDone).length === 2_000,
      );
      t.same(
        new Set(client.messages.filter(([type]) => type === MessageType.syncDone).map(([, nonce]) => nonce)).size,
        2_000,
      );
    });

    t.test('syncs of records that do not exist are answered and leave no memory behind', async (t) => {
      const server = await serve(t, { transport });
      const client = await RawClient.welcomed(server.endpoint);
      t.teardown(() => client.terminate());
      // An id of 251 to 256 bytes is within the limit, but with `.json` it is longer than a file's name may be.
      for (let nonce = 0; nonce < 500; nonce++)
        client.send([MessageType.sync, nonce, 'task', `${String(nonce)}${'i'.repeat(249)}`]);
      await untilFound(
        'all answers',
        () => client.messages.filter(([type]) => type === MessageType.syncDone).length === 500,
      );
      t.equal(server.server.bus.hub.store.size, 0);
      t.notOk(server.log.has('cannot read files'));
    });
  });
}
