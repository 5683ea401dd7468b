import { packMessage, unpackMessage, type ServerMessage } from '../../protocol/index.js';
import { Bus, resolveOptions, silentLog, systemClock, type Connection, type Socket } from '../../server/index.js';
import type { Dial } from '../channel.js';

/** A bus in this process, without a port: what `watch` uses where no server runs. */
export interface LocalBus {
  readonly dial: Dial;
  readonly mechanism: string;
  stop(): void;
}

/** @throws Error where the directories cannot be watched. */
export async function startLocalBus(root: string, pollIntervalMs: number): Promise<LocalBus> {
  const bus = new Bus(resolveOptions({ root, pollIntervalMs, journal: false }), systemClock, silentLog);
  await bus.start();
  return {
    dial: dialInProcess(bus),
    mechanism: bus.health.backend,
    stop: () => {
      void bus.stop();
    },
  };
}

/** Frames pass from one side to the other in a later turn, in order, as they would over a wire. */
function dialInProcess(bus: Bus): Dial {
  return (listener) => {
    let connection: Connection | undefined;
    const later = (call: () => void) => {
      queueMicrotask(() => {
        if (connection) call();
      });
    };
    const socket: Socket = {
      queuedBytes: 0,
      send: (frame) => {
        later(() => {
          listener.message(unpackMessage(frame) as ServerMessage);
        });
        return 'sent';
      },
      close: (code, reason) => {
        later(() => {
          connection = undefined;
          listener.closed(code, reason);
        });
      },
    };
    connection = bus.attach(socket, 'msgpack');
    return {
      send: (message) => {
        later(() => connection?.message(packMessage(message), true));
      },
      close: () => {
        connection?.closed();
        connection = undefined;
      },
    };
  };
}
