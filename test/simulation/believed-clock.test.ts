import t from 'tap';
import { SimulatedDisk } from './machine/simulated-disk.js';
import { SimulatedHost } from './machine/simulated-process.js';
import { SimulatedTime } from './machine/simulated-time.js';
import { fileOf, Repository } from './world/repository.js';

/** A repository with one lease of thirty seconds, and a wall clock that is set as an operator sets it. */
function world() {
  const host = new SimulatedHost(new SimulatedTime());
  const repository = new Repository(new SimulatedDisk(host), 200);
  const { disk } = repository;
  const data = { reservation_id: 'r', addresses: ['src/a.ts'], created_at: host.iso(), expires_at: host.iso(30_000) };
  disk.truncate(fileOf('reservation', 'r'));
  disk.write(fileOf('reservation', 'r'), Buffer.from(JSON.stringify(data)));
  return {
    pass: (ms: number) => host.time.run(host.time.now + ms),
    step: (byMs: number) => {
      repository.noteClock();
      host.wallOffsetMs += byMs;
      repository.clockStepped(byMs);
    },
    hasEnded: () => repository.hasEnded('r'),
  };
}

t.test('a step of the clock ahead of more than ten seconds ends no lease for a minute', async (t) => {
  const { pass, step, hasEnded } = world();
  await pass(10_000);
  step(40_000);
  t.notOk(hasEnded());
  await pass(61_000);
  t.ok(hasEnded());
});

t.test(
  'a step ahead that only undoes a step back may be believed at once, for a server need not have seen either',
  async (t) => {
    const { pass, step, hasEnded } = world();
    await pass(29_000);
    step(-40_000);
    await pass(2_000);
    t.notOk(hasEnded());
    step(40_000);
    t.ok(hasEnded());
  },
);

t.test('… and what it goes beyond is doubted', async (t) => {
  const { pass, step, hasEnded } = world();
  await pass(5_000);
  step(-20_000);
  step(50_000);
  t.notOk(hasEnded());
  await pass(26_000);
  t.ok(hasEnded(), 'by the clock as it was before');
});

t.test('a lease that had ended when the clock was set back has ended', async (t) => {
  const { pass, step, hasEnded } = world();
  await pass(30_010);
  step(-20_000);
  t.ok(hasEnded());
});

t.test('a reservation that is written piece by piece has not ended before it is whole', async (t) => {
  const { pass, hasEnded } = world();
  await pass(10);
  t.notOk(hasEnded());
});
