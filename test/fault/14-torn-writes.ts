import { spawn } from 'node:child_process';
import { TYPE } from './client-history.js';
import { hasPython } from './support/privileges.js';
import { held, insist, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

/** Truncates the file, writes one half, flushes, writes the other half: a reader may find nothing, half, or all. */
const WRITER = `
import json, sys, time
path, rounds = sys.argv[1], int(sys.argv[2])
for n in range(rounds):
    text = json.dumps({'n': n, 'run_id': 'run-%d' % (n % 3), 'padding': 'x' * (n % 700)}, separators=(',', ':'))
    with open(path, 'w') as file:
        file.write(text[:len(text) // 2])
        file.flush()
        if n % 50 == 0: time.sleep(0.002)
        file.write(text[len(text) // 2:])
    if n % 20 == 0: time.sleep(0.001)
`;

export const tornWrites: FaultRun = {
  row: 14,
  name: '14-torn-writes',
  invariant: 'a torn write never yields a delete or a half record',
  fault: 'a loop of in-place writes from Python, in two halves',
  async run(context) {
    const why = hasPython();
    if (why !== undefined) return { is: 'skipped', why };
    const writes = context.size(4_000, 200_000);
    const repository = context.repository();
    const bus = await context.bus(repository.root);
    const work = context.workload(repository);
    const witness = context.observer('witness', { address: () => bus.endpoint });
    const other = context.observer('one run', { address: () => bus.endpoint, filter: { run_ids: ['run-1'] } });
    await until('both are live', () => witness.isLive && other.isLive);
    const file = repository.dir.file('heartbeat', 'torn');
    for (let n = 0; n < writes; n++) {
      const data = { n, run_id: `run-${String(n % 3)}`, padding: 'x'.repeat(n % 700) };
      work.note({ is: 'write', kind: 'heartbeat', id: 'torn', data });
    }
    const python = spawn('/usr/bin/python3', ['-c', WRITER, file, String(writes)], { stdio: 'inherit' });
    const code = await new Promise((resolve) => python.on('close', resolve));
    insist(code === 0, () => `the writer ended with ${String(code)}`);
    await settleAndVerify(bus, work.operations, [witness, other]);
    const changes = witness.entries.flatMap((entry) => (entry.is === 'events' ? entry.events : []));
    for (const event of changes) {
      insist(event[1] !== TYPE.removed, () => `a removal: ${JSON.stringify(event)}`);
      // Where the machine delays the writer between the halves for longer than the settle time, the file is broken, and the bus
      // reports that with the last good data. So a problem is a fault only where the run has the machine to itself.
      const isFault = event[7] != null && context.isMeasured;
      insist(!isFault, () => `a problem: ${JSON.stringify(event)}`);
      const { n, padding } = event[5] as { n: number; padding: string };
      insist(padding.length === n % 700, () => `half a record: ${JSON.stringify(event)}`);
    }
    return held(writes, `${changes.length.toLocaleString('en')} transitions observed`);
  },
};
