import { KIND_NAMES, type ClientFilter } from './client-history.js';
import { held, insist, type FaultContext, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

function anyFilter(context: FaultContext): ClientFilter {
  const some = (values: readonly string[]): string[] => {
    const chosen = values.filter(() => context.random() < 0.4);
    return chosen.length > 0 ? chosen : [values[context.below(values.length)]!];
  };
  return {
    ...(context.random() < 0.5 ? { kinds: some(KIND_NAMES) } : {}),
    ...(context.random() < 0.6 ? { run_ids: some(['run-0', 'run-1', 'run-2', 'run-3', 'nobody']) } : {}),
    ...(context.random() < 0.2 ? { ids: some(['task-1', 'task-2', 'claim-3', 'intent-4']) } : {}),
    ...(context.random() < 0.2 ? { branches: some(['main', 'other']) } : {}),
  };
}

export const filtersAndCaps: FaultRun = {
  row: 8,
  name: '08-filters-and-caps',
  invariant: "exactly the model's matches; the cap ends exactly",
  fault: 'random filters and caps against a pure function, with connections broken',
  async run(context) {
    const rounds = context.size(2, 25, 1);
    const each = 25;
    let capped = 0;
    for (let round = 0; round < rounds; round++) {
      const repository = context.repository();
      const bus = await context.bus(repository.root);
      const work = context.workload(repository);
      work.steps(150);
      const witness = context.observer('witness', { address: () => bus.endpoint });
      await until('the witness is live', () => witness.isLive);
      const observers = Array.from({ length: each }, (_, i) => {
        const cap = context.random() < 0.5 ? { cap: 1 + context.below(150) } : {};
        return context.observer(String(i), { address: () => bus.endpoint, filter: anyFilter(context), ...cap });
      });
      for (let burst = 0; burst < context.size(40, 40, 15); burst++) {
        await work.keepUp(25);
        observers[context.below(each)]!.cut();
      }
      await settleAndVerify(bus, work.operations, [witness, ...observers]);
      capped += observers.filter((observer) => observer.isOver).length;
      for (const observer of [witness, ...observers]) observer.stop();
      await bus.kill();
    }
    insist(capped >= rounds, () => 'too few subscriptions reached their cap');
    return held(rounds * each, `${String(capped)} ended by their cap`);
  },
};
