/** A program with `muse-bus-client` installed beside it. Its argument is a repository that is served. Prints one line of JSON. */
import { createRequire } from 'node:module';
import process from 'node:process';
import { BusError, connect, KINDS } from 'muse-bus-client';

const required = createRequire(import.meta.url)('muse-bus-client');
const bus = await connect({ root: process.argv[2] });
const holders = await bus.holders('src/a.py');
const events = [];
for await (const { event_type, id } of bus.subscribe({ kinds: ['task'] }).take(1)) events.push(`${event_type} ${id}`);
await bus.close();
const refusal = await connect({ url: 'nowhere' }).catch((error) => error);
console.log(
  JSON.stringify({
    runs: holders.map(({ run_id }) => run_id),
    events,
    kinds: KINDS.length,
    refusal: refusal instanceof BusError && refusal.code,
    isOneClass: required.BusError === BusError,
  }),
);
process.exit(0);
