import t from 'tap';
import { BEARER_SUBPROTOCOL, SUBPROTOCOLS } from '../../../protocol/index.js';
import { Bus } from '../../../server/bus.js';
import { systemClock } from '../../../server/runtime/clock.js';
import { silentLog } from '../../../server/index.js';
import { resolveOptions } from '../../../server/config/options.js';
import { RequestHandler } from '../../../server/network/request-handler.js';
import { LOOPBACK_HOSTS } from '../../../server/config/authority.js';
import { AccessPolicy } from '../../../server/network/access-policy.js';
import { requestHead } from '../../support/request-head.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const ready = requestHead('/readyz');
const handshake = {
  ...ready,
  path: '/',
  headers: [
    ...ready.headers,
    ['upgrade', 'websocket'],
    ['connection', 'Upgrade'],
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
    [
      'sec-websocket-protocol',
      `${SUBPROTOCOLS.msgpack}, ${BEARER_SUBPROTOCOL}${Buffer.from('t').toString('base64url')}`,
    ],
  ],
} as const;

t.test('a client that connects before start or after stop is asked to try again', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  const options = resolveOptions({ root: repository.root, journal: false });
  const bus = new Bus(options, systemClock, silentLog);
  const reception = new RequestHandler(bus, options.limits, systemClock);
  const both = () => ({ readiness: reception.http(ready), upgrade: reception.upgrade(handshake) });
  const comeBack = (why: string) => ({ status: 503, headers: { 'retry-after': '1' }, body: `${why}\n` });

  t.match(both(), { readiness: comeBack('starting'), upgrade: { accept: false, reply: comeBack('starting') } });

  await bus.start();
  t.teardown(() => bus.stop());
  reception.start(new AccessPolicy({ token: 't', port: 1, scheme: 'http', hosts: LOOPBACK_HOSTS, origins: [] }));
  t.match(both(), { readiness: { status: 200, body: /"ready"/ }, upgrade: { accept: true } });

  reception.stop();
  const after = both();
  t.match(after.readiness, { status: 503, body: /"not ready"/ }, 'on an open connection');
  t.match(after.upgrade, { accept: false, reply: comeBack('stopping') });
});
