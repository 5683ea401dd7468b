import { floodRows } from './23-floods.js';
import { FaultContext } from './support/fault-run.js';
import { FLOODS } from './support/floods.js';

/** Prints how long an honest client waits during each flood: `[--seconds=N] [--engine=uws|ws] [NAME …]`. */
const args = process.argv.slice(2);
const option = (name: string): string | undefined => args.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1];
const ms = Number(option('seconds') ?? 5) * 1_000;
const names = args.filter((arg) => !arg.startsWith('--'));
const floods = FLOODS.filter(({ name }) => names.length === 0 || names.some((wanted) => name.includes(wanted)));
const engines = (['uws', 'ws'] as const).filter((engine) => (option('engine') ?? engine) === engine);

console.log('| engine | flood | asked | p50, ms | p99, ms | longest, ms | memory, MB |');
console.log('| ------ | ----- | ----: | ------: | ------: | ----------: | ---------: |');
for (const engine of engines) {
  const context = new FaultContext('short', 1);
  try {
    for (const { flood, waits } of await floodRows(context, engine, ms, floods)) {
      const figures = [waits.count, waits.p50.toFixed(1), waits.p99.toFixed(1), waits.longest.toFixed(0)];
      console.log(`| ${[engine, flood, ...figures, waits.memoryMb.toFixed(0)].join(' | ')} |`);
    }
  } finally {
    await context.dispose();
  }
}
