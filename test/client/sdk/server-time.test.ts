import t from 'tap';
import { FakeBus } from '../../../client/sdk/testing.js';

const ADDRESS = 'src/a.py';
/** The interval is so long that no heartbeat corrects the client's estimate of the time during a test. */
const HEARTBEAT_MS = 3_600_000;

/** A bus and a client on another host: each has a wall clock that can be set, and time passes for both. */
class TwoHosts {
  readonly fake = new FakeBus({ heartbeatMs: HEARTBEAT_MS });
  serverSetMs = 0;
  clientSetMs = 0;
  readonly #time = this.fake.clock.now.bind(this.fake.clock);

  constructor() {
    this.fake.clock.now = () => (this.#time() + this.serverSetMs) as ReturnType<typeof this.fake.clock.now>;
  }

  connect() {
    const { clock } = this.fake;
    return this.fake.connect({
      clock: {
        now: () => this.#time() + this.clientSetMs,
        elapsed: () => clock.elapsed(),
        after: (delayMs, call) => clock.after(delayMs, call),
      },
    });
  }
}

t.test("a client's wall clock that is set ahead does not set the server's time ahead", async (t) => {
  const hosts = new TwoHosts();
  const bus = await hosts.connect();
  const before = bus.serverNow();
  hosts.clientSetMs = 60_000;
  t.equal(bus.serverNow(), before);
  hosts.fake.clock.advance(10);
  t.equal(bus.serverNow(), before + 10);
  await bus.close();
});

t.test('a lease has not ended by a server clock that was set back since the last heartbeat', async (t) => {
  const hosts = new TwoHosts();
  hosts.fake.put('reservation', 'r1', {
    run_id: 'agent-1',
    branch: 'main',
    addresses: [ADDRESS],
    expires_at: hosts.fake.clock.inFuture(35_000),
  });
  const bus = await hosts.connect();
  hosts.serverSetMs = -30_000;
  hosts.fake.clock.advance(40_000);
  t.equal((await bus.holding(ADDRESS)).free, 'no');
  await bus.close();
});
