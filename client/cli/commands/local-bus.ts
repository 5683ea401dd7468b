import { Bus, resolveOptions, silentLog, systemClock } from '../../../server/index.js';
import type { Dial } from '../../sdk/channel.js';
import { inProcessLine } from '../../sdk/in-process-channel.js';

/** A bus in this process without a port, for commands when no server runs. It writes nothing. */
export interface LocalBus {
  readonly dial: Dial;
  readonly mechanism: string;
  stop(): void;
}

/** Starts a local bus. @throws Error if the directories cannot be watched. */
export async function startLocalBus(root: string, pollIntervalMs: number): Promise<LocalBus> {
  const options = resolveOptions({ root, pollIntervalMs, journal: false });
  const bus = new Bus(options, systemClock, silentLog, { isReadOnly: true });
  await bus.start();
  return {
    dial: inProcessLine(bus).dial,
    mechanism: bus.health.backend,
    stop: () => {
      void bus.stop();
    },
  };
}
