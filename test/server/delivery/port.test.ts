import t from 'tap';
import { CloseCode } from '../../../protocol/index.js';
import { Port, type SendResult } from '../../../server/delivery/port.js';

const BOUND = 100;

/** A port over a socket whose queue and answers the test sets. */
function portOver() {
  const notices: string[] = [];
  const socket = {
    queuedBytes: 0,
    answer: 'sent' as SendResult,
    sent: [] as number[],
    send(frame: Uint8Array): SendResult {
      socket.sent.push(frame.length);
      return socket.answer;
    },
    close: (code: CloseCode) => notices.push(`close ${String(code)}`),
  };
  const port = new Port(socket, BOUND, {
    opened: () => notices.push('opened'),
    stalled: () => notices.push('stalled'),
  });
  const told = (): string[] => notices.splice(0);
  /** Sends a frame, of which the socket queues so many bytes in all. */
  const queue = (bytes: number): SendResult => {
    socket.answer = 'queued';
    socket.queuedBytes = bytes;
    return port.send(new Uint8Array(1));
  };
  return { port, socket, told, queue };
}

t.test(
  'a port is open until more than its bound is queued, and opens again when half of that has drained',
  async (t) => {
    const { port, socket, told, queue } = portOver();
    t.equal(queue(BOUND), 'queued');
    t.equal(port.state, 'open', 'the bound itself may wait');
    queue(BOUND + 1);
    t.same([port.state, port.isOpen()], ['congested', false]);
    socket.queuedBytes = BOUND / 2 + 1;
    port.drained();
    t.same([port.state, told()], ['congested', []]);
    socket.queuedBytes = BOUND / 2;
    port.drained();
    port.drained();
    t.same([port.state, told()], ['open', ['opened']], 'its owner is told once');
  },
);

t.test('a frame that can be sent later is not given to a socket that has no room for it', async (t) => {
  const { port, socket, queue } = portOver();
  socket.queuedBytes = 999;
  t.equal(port.offer(new Uint8Array(BOUND + 1)), 'sent', 'nothing was queued: the socket is not even asked');
  queue(60);
  socket.answer = 'sent';
  t.ok(port.claim(40), 'exactly what fits');
  t.equal(port.offer(new Uint8Array(40)), 'sent');
  t.notOk(port.claim(41));
  t.same([port.state, port.claim(1)], ['congested', false], 'and nothing else until it is open again');
  t.equal(port.offer(new Uint8Array(1)), 'dropped');
  t.same(socket.sent, [BOUND + 1, 1, 40]);
});

t.test('an empty queue takes a frame of any size', async (t) => {
  const { port, socket, queue } = portOver();
  queue(10);
  socket.queuedBytes = 0;
  t.ok(port.claim(BOUND * 10));
  socket.queuedBytes = BOUND;
  t.ok(port.claim(1), 'and is not looked at again until a frame is queued');
  socket.queuedBytes = 10;
  queue(10);
  t.notOk(port.claim(BOUND));
});

t.test('a frame that is refused makes the port congested; one that cannot be sent again closes it', async (t) => {
  for (const mustArrive of [false, true]) {
    const { port, socket, told } = portOver();
    socket.answer = 'dropped';
    if (mustArrive) port.sendOrClose(new Uint8Array(1));
    else t.equal(port.send(new Uint8Array(1)), 'dropped');
    t.equal(port.state, mustArrive ? 'closed' : 'congested');
    t.same(told(), mustArrive ? [`close ${String(CloseCode.tooSlow)}`] : []);
  }
  const { port, socket, told } = portOver();
  for (const answer of ['sent', 'queued'] as const) {
    socket.answer = answer;
    port.sendOrClose(new Uint8Array(1));
  }
  t.same([port.state, told()], ['open', []]);
});

t.test('a closed port takes nothing, asks nothing and never opens', async (t) => {
  const { port, socket, told } = portOver();
  port.closed();
  t.equal(port.send(new Uint8Array(1)), 'dropped');
  port.sendOrClose(new Uint8Array(1));
  t.notOk(port.claim(1));
  port.drained();
  port.lookForStall();
  port.lookForStall();
  t.same([port.state, socket.sent, told()], ['closed', [], []]);
  const other = portOver();
  other.port.close(CloseCode.goingAway, 'the server stops');
  t.same([other.port.state, other.told()], ['closed', [`close ${String(CloseCode.goingAway)}`]]);
});

t.test('a congested port whose frame is sent at once is open: its queue drained without a report', async (t) => {
  const { port, socket, told, queue } = portOver();
  queue(BOUND + 1);
  socket.answer = 'sent';
  socket.queuedBytes = BOUND;
  port.send(new Uint8Array(1));
  t.equal(port.state, 'congested', 'too much is still queued');
  socket.queuedBytes = 0;
  port.send(new Uint8Array(1));
  t.same([port.state, told()], ['open', ['opened']]);
});

t.test(
  'a stall is a queue that is found empty twice in a row, and reported with the next frame that is taken',
  async (t) => {
    const { port, socket, told, queue } = portOver();
    port.lookForStall();
    port.lookForStall();
    t.same(told(), [], 'an open port does not stall');
    queue(BOUND + 1);
    for (const queuedBytes of [0, 1, 0]) {
      socket.queuedBytes = queuedBytes;
      port.lookForStall();
      t.same([port.state, told()], ['congested', []]);
    }
    port.lookForStall();
    t.same([port.state, told()], ['open', ['opened']]);
    socket.answer = 'sent';
    port.send(new Uint8Array(1));
    port.send(new Uint8Array(1));
    t.same(told(), ['stalled'], 'once');
  },
);

t.test('a socket that drops the next frame was being closed, and had not stalled', async (t) => {
  const { port, socket, told, queue } = portOver();
  queue(BOUND + 1);
  socket.queuedBytes = 0;
  port.lookForStall();
  port.lookForStall();
  socket.answer = 'dropped';
  port.send(new Uint8Array(1));
  socket.answer = 'sent';
  port.send(new Uint8Array(1));
  t.notOk(told().includes('stalled'));
});
