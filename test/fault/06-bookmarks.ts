import { MessageType } from '../../protocol/index.js';
import { held, insist, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

export const bookmarks: FaultRun = {
  row: 6,
  name: '06-bookmarks',
  invariant: "a heartbeat's revision N means all matching ≤ N were sent",
  fault: 'filters that match 0 %, 1 % and all; connections broken just after heartbeats',
  async run(context) {
    const operations = context.size(3_000, 60_000, 600);
    const repository = context.repository();
    const bus = await context.bus(repository.root, { heartbeatMs: 10 });
    const work = context.workload(repository, { runs: 100, idsPerKind: 40 });
    const address = () => bus.endpoint;
    const witness = context.observer('witness', { address });
    const others = [
      context.observer('nothing', { address, filter: { run_ids: ['nobody'] } }),
      context.observer('one in a hundred', { address, filter: { run_ids: ['run-7'] } }),
      context.observer('all', { address }),
    ];
    let cuts = 0;
    for (const observer of others) {
      observer.onMessage = ([type]) => {
        if (type !== MessageType.heartbeat || context.random() > 0.05) return;
        cuts++;
        observer.cut();
      };
    }
    await until('all are live', () => others.every((observer) => observer.isLive) && witness.isLive);
    await work.keepUp(operations, 10);
    for (const observer of others) observer.onMessage = () => undefined;
    const { marks } = await settleAndVerify(bus, work.operations, [witness, ...others]);
    // Without bookmarks the cursor of a client that matches nothing would fall out of the history.
    insist(others[0]!.resyncs === 0, () => 'a client whose filter matches nothing received a resync');
    return held(cuts, `${marks.toLocaleString('en')} marks, ${operations.toLocaleString('en')} operations`);
  },
};
