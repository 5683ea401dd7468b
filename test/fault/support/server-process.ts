import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ownBytesOf } from '../../../bench/process-stat.js';
import { endSoon, untilSignal } from '../../../client/cli/terminal/signals.js';
import { BusServer, type Log, type ServerOptions } from '../../../server/index.js';
import { TurnMeter } from './turn-meter.js';

/** A server in its own process, like `muse-bus serve`, with all options. On SIGUSR2 it prints its measurements. */
const print = (value: object): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

function say(level: string): (fields: object, text: string) => void {
  return (fields, text) => {
    const { err } = fields as { err?: Error };
    print({ log: { level, text, ...fields, ...(err ? { err: err.message } : {}) } });
  };
}

/** Bytes. Where the kernel does not list mapped files apart, the journal's pages are included. */
function ownMemory(): number {
  try {
    return ownBytesOf(process.pid);
  } catch {
    return process.memoryUsage().rss;
  }
}

const log: Log = { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') };
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const meter = process.env['FAULT_TURNS'] === '1' ? new TurnMeter() : undefined;

const server = new BusServer({ ...(JSON.parse(process.argv[2]!) as ServerOptions), log });
const endpoint = await server.start();
process.on('SIGUSR2', () => {
  const { heapUsed, external } = process.memoryUsage();
  print({
    stats: {
      ownMemory: ownMemory(),
      heapUsed,
      external,
      loopMaxMs: loop.max / 1e6,
      loopP99Ms: loop.percentile(99) / 1e6,
      turns: meter?.take(),
      cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1e3,
      journal: server.bus.journalHealth,
      revision: server.bus.isRunning ? server.bus.hub.revision : 0,
      stalls: server.bus.isRunning ? server.bus.hub.stalls : 0,
      congested: [...server.bus.sessions].filter(({ port }) => port.state === 'congested').length,
      mostQueued: Math.max(0, ...[...server.bus.sessions].map(({ port }) => port.socket.queuedBytes)),
      records: server.bus.isRunning ? server.bus.hub.store.size : 0,
      ...server.bus.health,
    },
  });
  loop.reset();
});
print({ endpoint });
await untilSignal();
await server.stop();
endSoon();
