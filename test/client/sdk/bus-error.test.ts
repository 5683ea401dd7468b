import t from 'tap';
import { BusError } from '../../../client/sdk/index.js';

class HolderGone extends BusError {}

t.test('an error of the bus is one for whoever asks, and no other error is', (t) => {
  const error = new BusError('closed', 'the client was closed', '');
  t.ok(error instanceof BusError && error instanceof Error);
  for (const other of [new Error('closed'), { code: 'closed' }, 'closed', null, undefined])
    t.notOk(other instanceof BusError);
  t.end();
});

t.test('a class that a program derives from it has only its own errors', (t) => {
  const own = new HolderGone('timeout', 'nobody answered', '');
  t.ok(own instanceof HolderGone && own instanceof BusError);
  t.notOk(new BusError('timeout', 'nobody answered', '') instanceof HolderGone);
  t.end();
});
