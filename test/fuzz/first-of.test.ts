import { EventEmitter } from 'node:events';
import t from 'tap';
import { firstOf } from './first-of.js';

t.test('waiting many times for one of two events of a socket leaves no listener on it', async (t) => {
  const socket = new EventEmitter();
  for (let time = 0; time < 20; time++) {
    const first = firstOf(socket, 'close', 'pong');
    socket.emit('pong');
    await first;
  }
  t.same(socket.eventNames(), []);
  const failed = firstOf(socket, 'close', 'pong');
  socket.emit('error', new Error('reset'));
  await t.rejects(failed, /reset/);
  t.same(socket.eventNames(), []);
});
