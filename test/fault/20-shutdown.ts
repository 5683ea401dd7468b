import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { held, insist, type FaultContext, type FaultRun } from './support/fault-run.js';
import { canTrace } from './support/privileges.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

const STOP_MS = 5_000;
/** How long the slow disk takes to flush: longer than the server may take to stop. */
const FLUSH_MS = 10_000;

/** Where other work shares the machine, the run checks only that a stop does not wait for the disk. */
const maxStopMs = ({ isMeasured }: FaultContext): number => (isMeasured ? STOP_MS : FLUSH_MS);

async function stopAmongStalled(context: FaultContext, crowd: number): Promise<number> {
  const repository = context.repository();
  const bus = await context.bus(repository.root, { heartbeatMs: 500 });
  const work = context.workload(repository, { padding: 2_000 });
  const address = () => bus.endpoint;
  const listening = Array.from({ length: context.size(20, 20, 3) }, (_, i) =>
    context.observer(`l${String(i)}`, { address, reconnects: false }),
  );
  const slow = Array.from({ length: context.size(5, 5, 2) }, (_, i) =>
    context.observer(`slow ${String(i)}`, { address, reconnects: false }),
  );
  const stalled = Array.from({ length: crowd }, (_, i) =>
    context.observer(`s${String(i)}`, { address, reconnects: false }),
  );
  await until('all are live', () => [...listening, ...slow, ...stalled].every((observer) => observer.isLive), 60_000);
  for (const observer of [...stalled, ...slow]) observer.pause();
  await work.keepUp(2_500, 50);
  await settleAndVerify(bus, work.operations, listening);
  const { endpoint } = bus;
  const stopping = bus.stop();
  // These clients read again, just in time.
  for (const observer of slow) observer.resume();
  const { code, tookMs } = await stopping;
  insist(code === 0, () => `exit ${String(code)}: ${bus.errors}`);
  insist(tookMs < maxStopMs(context), () => `the stop took ${tookMs.toFixed(0)} ms`);
  for (const observer of [...listening, ...slow]) {
    await until(`${observer.name} is closed`, () => observer.closedWith !== undefined);
    const last = observer.entries.findLast(({ is }) => is !== 'disconnected');
    insist(
      last?.is === 'complete' && last.reason === 'shutdown',
      () => `${observer.name} received ${JSON.stringify(last)} last, not complete`,
    );
    const { code: closeCode, reason } = observer.closedWith!;
    insist(
      closeCode === 1001 && /retry=\d+/.test(reason),
      () => `${observer.name} was closed with ${String(closeCode)} ${reason}`,
    );
  }
  insist(!existsSync(join(repository.bus, 'endpoint.json')), () => 'endpoint.json was not removed');
  const header = readFileSync(join(repository.state, 'journal', 'header.json'), 'utf8');
  insist(!header.includes('"seal":null'), () => 'the journal is not sealed');
  const next = await context.bus(repository.root);
  insist(endpoint.token === next.endpoint.token, () => 'the token changed with the restart');
  const witness = context.observer('after', { address: () => next.endpoint });
  await settleAndVerify(next, work.operations, [witness]);
  await next.kill();
  return tookMs;
}

async function stopOverSlowDisk(context: FaultContext, signals: number): Promise<number> {
  const repository = context.repository();
  const slow = [
    '-e',
    'trace=fsync,fdatasync,msync',
    '-e',
    `inject=fdatasync,msync:delay_enter=${String(FLUSH_MS * 1_000)}`,
  ];
  const bus = await context.bus(repository.root, { under: ['strace', '-f', '-q', '-o', '/dev/null', ...slow] });
  context.workload(repository).steps(200);
  const began = performance.now();
  bus.signal('SIGTERM');
  for (let i = 1; i < signals; i++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    bus.signal('SIGTERM');
  }
  // strace itself ends later: wait for the server's process.
  await until('the process is gone', () => !isAlive(bus.endpoint.pid), 60_000);
  return performance.now() - began;
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

export const shutdown: FaultRun = {
  row: 20,
  name: '20-shutdown',
  invariant: 'SIGTERM: every client notified, journal flushed, exit within 5 s',
  fault: 'clients that do not read, clients that read again in the last moment; a disk that takes 10 s to flush',
  async run(context) {
    const rounds = context.size(1, 10);
    const limitMs = maxStopMs(context);
    let slowest = 0;
    for (let round = 0; round < rounds; round++) {
      slowest = Math.max(slowest, await stopAmongStalled(context, context.size(50, 300, 3)));
    }
    if (canTrace() !== undefined) return held(rounds, `slowest ${slowest.toFixed(0)} ms`);
    const [slowDisk, twice] = await Promise.all([stopOverSlowDisk(context, 1), stopOverSlowDisk(context, 2)]);
    insist(slowDisk < limitMs, () => `over a slow disk the stop took ${slowDisk.toFixed(0)} ms`);
    insist(
      twice < (context.isMeasured ? 2_000 : FLUSH_MS),
      () => `after a second signal the stop took ${twice.toFixed(0)} ms`,
    );
    return held(rounds + 2, `slowest ${slowest.toFixed(0)} ms, over a slow disk ${slowDisk.toFixed(0)} ms`);
  },
};
