import t from 'tap';
import type { Hub } from '../../../server/delivery/hub.js';
import { OriginBarrier } from '../../../server/relay/origin-barrier.js';
import type { SyncAnswer } from '../../../server/relay/origin-relay.js';
import { ManualClock } from '../../support/manual-clock.js';

/** An edge that serves one position, and an origin that answers with another. */
class Edge {
  readonly clock = new ManualClock();
  served = { epoch: 'A', revision: 5 };
  answers: SyncAnswer[] = [];
  asked = 0;
  reached = false;
  readonly told: unknown[] = [];
  readonly barrier = new OriginBarrier(
    this.clock,
    () => {
      this.asked++;
      const answer = this.answers.shift();
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('nothing answers'));
    },
    () => this.served as unknown as Hub,
    (answer, askedAt, heardAt) => this.told.push({ answer, tookMs: heardAt - askedAt, isEarly: !this.reached }),
  );

  async reach(...answers: SyncAnswer[]): Promise<this> {
    this.answers = answers;
    void this.barrier.reach(undefined).then(() => (this.reached = true));
    await this.settle();
    return this;
  }

  async serves(epoch: string, revision: number): Promise<this> {
    this.served = { epoch, revision };
    this.barrier.advanced();
    await this.settle();
    return this;
  }

  /** Runs pending promises and turns. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      this.clock.advance(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

t.test('a barrier is reached when the edge serves what the origin has read', async (t) => {
  const edge = await new Edge().reach({ epoch: 'A', revision: 7 });
  t.notOk((await edge.serves('A', 6)).reached);
  t.ok((await edge.serves('A', 7)).reached);
});

t.test('a barrier is not reached by a stop', async (t) => {
  const edge = new Edge();
  const isRefused = t.rejects(edge.barrier.reach(undefined), { name: 'StoppedError' });
  edge.barrier.stop();
  await edge.settle();
  await isRefused;
});

t.test('the barrier waits for an epoch that the edge does not serve yet', async (t) => {
  const edge = await new Edge().reach({ epoch: 'B', revision: 3 });
  t.notOk(edge.reached, 'revision 5 of the epoch before is not revision 3 of this one');
  t.notOk((await edge.serves('A', 6)).reached);
  t.ok((await edge.serves('B', 3)).reached);
});

t.test('the origin is asked again if its epoch ends before the edge serves it', async (t) => {
  const edge = await new Edge().reach({ epoch: 'B', revision: 3 }, { epoch: 'C', revision: 9 });
  t.notOk((await edge.serves('C', 8)).reached);
  t.equal(edge.asked, 2);
  t.ok((await edge.serves('C', 9)).reached);
});

t.test('the origin is asked again if its epoch does not arrive, because another one publishes again', async (t) => {
  const edge = await new Edge().reach({ epoch: 'B', revision: 3 }, { epoch: 'A', revision: 6 });
  await edge.serves('A', 6);
  edge.clock.advance(2_000);
  await edge.settle();
  t.equal(edge.asked, 2);
  t.ok(edge.reached);
});

t.test('before those who wait are told, the clock by which the origin has answered is', async (t) => {
  const answer = { epoch: 'A', revision: 7, origin: 'a', now: 1_000 };
  const edge = await new Edge().reach(answer);
  t.strictSame(edge.told, [], 'not before what it has read is served here');
  await edge.serves('A', 7);
  t.strictSame(edge.told, [{ answer, tookMs: 0, isEarly: true }]);
});
