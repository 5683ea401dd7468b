import t from 'tap';
import type { Hub } from '../../../server/delivery/hub.js';
import { OriginBarrier } from '../../../server/relay/origin-barrier.js';
import { ManualClock } from '../../support/manual-clock.js';

/** An edge that serves one position of the stream, and an origin that answers with another. */
class Edge {
  readonly clock = new ManualClock();
  served = { epoch: 'A', revision: 5 };
  answers: object[] = [];
  asked = 0;
  reached = false;
  readonly barrier = new OriginBarrier(
    this.clock,
    () => {
      this.asked++;
      const answer = this.answers.shift();
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('nobody answers'));
    },
    () => this.served as unknown as Hub,
  );

  async reach(...answers: object[]): Promise<this> {
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

  /** Lets pending promises and turns of the loop run. */
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

t.test(
  'a barrier waits for an epoch that the edge has not received: revisions of another epoch do not count',
  async (t) => {
    const edge = await new Edge().reach({ epoch: 'B', revision: 3 });
    t.notOk(edge.reached, 'revision 5 of the epoch before is not revision 3 of this one');
    t.notOk((await edge.serves('A', 6)).reached);
    t.ok((await edge.serves('B', 3)).reached);
  },
);

t.test('if the epoch of an answer ends before the edge serves it, the edge asks the origin again', async (t) => {
  const edge = await new Edge().reach({ epoch: 'B', revision: 3 }, { epoch: 'C', revision: 9 });
  t.notOk((await edge.serves('C', 8)).reached);
  t.equal(edge.asked, 2);
  t.ok((await edge.serves('C', 9)).reached);
});
