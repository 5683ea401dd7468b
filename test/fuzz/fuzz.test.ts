import t from 'tap';
import { TRANSPORTS } from '../support/running-server.js';
import { fuzz } from './run.js';

for (const transport of TRANSPORTS) {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.test(
    `${transport}: no message and no file crashes the server or loses an event of another client (seed ${String(seed)})`,
    async (t) => {
      const { controlClient, errors, serverDied, differences } = await fuzz({
        messages: 3_000,
        files: 500,
        seed,
        transport,
      });
      t.equal(serverDied, false);
      t.same(errors, [], 'no exception');
      t.same(differences, [], 'the server serves what is on disk');
      t.equal(controlClient.disconnected, false);
      t.ok(controlClient.written > 0);
      t.equal(controlClient.seen, controlClient.written, 'the control client receives each of its events');
      t.equal(controlClient.astray, 0);
    },
  );
}
