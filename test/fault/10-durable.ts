import { canTrace } from './support/privileges.js';
import { held, insist, pause, type FaultContext, type FaultRun } from './support/fault-run.js';
import { barrier, settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

/** The journal has collected and flushed its events after this time. */
const FLUSHED_MS = 1_500;

async function surviveKills(context: FaultContext, kills: number): Promise<void> {
  const repository = context.repository();
  const work = context.workload(repository);
  let bus = await context.bus(repository.root);
  const witness = context.observer('witness', { address: () => bus.endpoint, retryMs: 30 });
  for (let kill = 0; kill < kills; kill++) {
    await until('the witness is live', () => witness.isLive);
    await work.keepUp(100);
    await settleAndVerify(bus, work.operations, [witness]);
    await pause(FLUSHED_MS);
    insist((await bus.ask()).journal === 'durable', () => 'the journal is not durable');
    await bus.kill();
    work.steps(20);
    bus = await context.bus(repository.root);
  }
  await settleAndVerify(bus, work.operations, [witness]);
  insist(witness.resyncs === 0, () => `${String(witness.resyncs)} resyncs: durable events were lost`);
}

/** The disk refuses to flush: the journal must report `degraded`, and clients must notice nothing else. */
async function refuseFlush(context: FaultContext): Promise<void> {
  const repository = context.repository();
  const work = context.workload(repository);
  const inject = ['strace', '-f', '-q', '-e', 'trace=fsync,fdatasync,msync', '-o', '/dev/null'];
  const under = [...inject, '-e', 'inject=fsync,fdatasync,msync:error=EIO'];
  let bus = await context.bus(repository.root, { under });
  const witness = context.observer('witness', { address: () => bus.endpoint, retryMs: 30 });
  await until('the witness is live', () => witness.isLive);
  await work.keepUp(300);
  await settleAndVerify(bus, work.operations, [witness]);
  const giveUpAt = performance.now() + 40_000;
  while ((await bus.ask()).journal !== 'degraded') {
    insist(performance.now() < giveUpAt, () => 'the journal still reports durable');
    await work.keepUp(20);
  }
  insist(
    bus.log.some(({ level }) => level === 'error'),
    () => 'no error was logged',
  );
  await settleAndVerify(bus, work.operations, [witness]);
  const before = await barrier(bus);
  await bus.kill();
  bus = await context.bus(repository.root);
  await settleAndVerify(bus, work.operations, [witness]);
  insist((await barrier(bus)) !== before || witness.resyncs === 0, () => 'a cursor was used twice');
}

export const durable: FaultRun = {
  row: 10,
  name: '10-durable',
  invariant: 'what was reported as durable survives',
  fault: 'SIGKILL once flushed; strace makes fsync, fdatasync and msync fail with EIO',
  async run(context) {
    const kills = context.size(2, 20, 1);
    await surviveKills(context, kills);
    const why = canTrace();
    if (why === undefined) await refuseFlush(context);
    return held(kills + 1, why ?? 'degraded is reported under EIO, service unaffected');
  },
};
