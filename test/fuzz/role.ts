import { BusServer, type Log } from '../../server/index.js';
import { attackFiles } from './attack-files.js';
import { attackWire, type Target } from './attack-wire.js';
import type { RoleWord } from './run.js';
import { sleep } from './lag-probe.js';

const say = (word: RoleWord): void => {
  process.send?.(word);
};

// Exits with the parent process.
process.once('disconnect', () => {
  process.exit();
});

/** One part of a fuzz run in its own process: `server ROOT TRANSPORT HISTORY`, `lagProbe`, `wire TARGET N SEED`, `files ROOT N SEED`. */
const [name, first = '', second = '', third = ''] = process.argv.slice(2);
switch (name) {
  case 'server':
    await serve(first, second as 'uws' | 'ws', Number(third));
    break;
  case 'lagProbe': {
    const lateness = sleep();
    process.on('message', () => {
      say({ is: 'woken', lateness: lateness() });
    });
    break;
  }
  case 'wire':
    say({ is: 'sent', sent: await attackWire(JSON.parse(first) as Target, Number(second), Number(third)) });
    process.disconnect();
    break;
  case 'files':
    await attackFiles(first, Number(second), Number(third));
    say({ is: 'written' });
    process.disconnect();
    break;
  default:
    throw new Error(`no such role: ${String(name)}`);
}

async function serve(root: string, transport: 'uws' | 'ws', maxHistoryEvents: number): Promise<void> {
  const nothing = (): void => undefined;
  const log: Log = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields, message) => {
      const { err } = fields as { err?: Error };
      say({ is: 'error', line: `${message}: ${err?.stack ?? ''}` });
    },
  };
  // The attack must reach the parsers, not the limits of rates.
  const limits = { maxHistoryEvents, maxMessagesPerSecond: 10_000_000, maxRefusalsPerSecond: 10_000_000 };
  const { url, token } = await new BusServer({ root, port: 0, transport, reconcileMs: 1_000, limits, log }).start();
  say({ is: 'serving', target: { url, token } });
  setInterval(() => {
    say({ is: 'memory', megabytes: Math.round(process.memoryUsage.rss() / 1_048_576) });
  }, 500);
}
