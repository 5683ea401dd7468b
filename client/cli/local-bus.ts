import { Bus, resolveOptions, silentLog, systemClock } from '../../server/index.js';
import type { Dial } from '../channel.js';
import { inProcessLine } from '../in-process-channel.js';

/** A bus in this process, without a port, which writes nothing: what commands use where no server runs. */
export interface LocalBus {
  readonly dial: Dial;
  readonly mechanism: string;
  stop(): void;
}

/** @throws Error where the directories cannot be watched. */
export async function startLocalBus(root: string, pollIntervalMs: number): Promise<LocalBus> {
  const bus = new Bus(resolveOptions({ root, pollIntervalMs, journal: false }), systemClock, silentLog, {
    looksOnly: true,
  });
  await bus.start();
  return {
    dial: inProcessLine(bus).dial,
    mechanism: bus.health.backend,
    stop: () => {
      void bus.stop();
    },
  };
}
