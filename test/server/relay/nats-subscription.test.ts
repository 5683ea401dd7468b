import t from 'tap';
import { NatsSubscription } from '../../../server/relay/nats-subscription.js';
import { Refusals } from '../../../server/relay/refusals.js';
import { silentLog } from '../../../server/runtime/log.js';
import { ManualClock } from '../../support/manual-clock.js';

type Callback = (error: Error | null, message: { readonly data: Uint8Array; respond(answer: string): void }) => void;

/** A connection to NATS, and what was subscribed over it. */
class Connection {
  readonly callbacks: Callback[] = [];
  ended = 0;
  isOver = false;

  subscribe(_subject: string, { callback }: { readonly callback: Callback }) {
    this.callbacks.push(callback);
    return { unsubscribe: () => ++this.ended };
  }

  isClosed(): boolean {
    return this.isOver;
  }
}

function subscribed() {
  const connection = new Connection();
  const clock = new ManualClock();
  const heard: string[] = [];
  const take = ({ data }: { readonly data: Uint8Array }): void => void heard.push(Buffer.from(data).toString());
  const subscription = new NatsSubscription(connection as never, clock, 'alive', take);
  const message = { data: Buffer.from('hello'), respond: () => undefined };
  return { connection, clock, heard, subscription, message };
}

const REFUSED = new Error('Permissions Violation');

t.test('a subscription that NATS ends is made again, until NATS lets it be', async (t) => {
  const { connection, clock, heard, message } = subscribed();
  for (let refused = 0; refused < 3; refused++) {
    connection.callbacks.at(-1)!(REFUSED, message);
    clock.advance(5_000);
  }
  t.equal(connection.callbacks.length, 4);
  connection.callbacks.at(-1)!(null, message);
  clock.advance(60_000);
  t.strictSame([heard, connection.callbacks.length], [['hello'], 4]);
});

t.test('one that is closed, or whose connection is, is not made again', async (t) => {
  const closed = subscribed();
  closed.subscription.close();
  t.equal(closed.connection.ended, 1);
  const refused = subscribed();
  refused.connection.callbacks[0]!(REFUSED, refused.message);
  refused.subscription.close();
  refused.clock.advance(60_000);
  const over = subscribed();
  over.connection.callbacks[0]!(REFUSED, over.message);
  over.connection.isOver = true;
  over.clock.advance(60_000);
  for (const { connection } of [closed, refused, over]) t.equal(connection.callbacks.length, 1);
});

t.test('a permission that is missing for each record, or at each attempt, is logged once', async (t) => {
  const lines: string[] = [];
  const refusals = new Refusals(new ManualClock(), {
    ...silentLog,
    warn: (_: object, line: string) => void lines.push(line),
  });
  for (let i = 0; i < 9; i++) {
    refusals.note(`Permissions Violation for Publish to "muse.shop.task.r${String(i)}"`);
    refusals.note(`Permissions Violation for Subscription to "muse-origin.shop.alive" (sid "${String(i)}")`);
    refusals.note('Authorization Violation');
  }
  t.equal(lines.length, 3);
  t.match(refusals.recent, 'Authorization');
});
