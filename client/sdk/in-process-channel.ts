import { CloseCode, packMessage, unpackMessage } from '../../protocol/index.js';
import type { Bus, Connection, Socket } from '../../server/index.js';
import { BusError } from './bus-error.js';
import type { ChannelListener, Dial } from './channel.js';

/** Connections to a bus in this process, which a test can break. */
export interface InProcessLine {
  readonly dial: Dial;
  /** Breaks every connection, as a loss of the network does. */
  cut(): void;
  /** Ends every connection as a shutdown does; later attempts to connect fail. */
  end(): void;
}

/** Each frame is delivered in a later microtask, in order, so that no side receives a message while it is sending, as over a network. */
export function inProcessLine(bus: Pick<Bus, 'attach'>): InProcessLine {
  const open = new Map<ChannelListener, Connection>();
  let isOver = false;
  const hangUp = (listener: ChannelListener): boolean => {
    const connection = open.get(listener);
    open.delete(listener);
    connection?.closed();
    return connection !== undefined;
  };
  const dial: Dial = (listener) => {
    if (isOver) {
      const gone = new BusError('unreachable', 'the bus in this process has been stopped', 'start another');
      queueMicrotask(() => {
        listener.closed(1006, '', gone);
      });
      return { send: () => undefined, bytesOf: () => 0, close: () => undefined };
    }
    const later = (call: () => void): void => {
      queueMicrotask(() => {
        if (open.has(listener)) call();
      });
    };
    const socket: Socket = {
      remote: 'in process',
      queuedBytes: 0,
      send: (frame) => {
        later(() => {
          listener.message(unpackMessage(frame));
        });
        return 'sent';
      },
      close: (code, reason) => {
        later(() => {
          hangUp(listener);
          listener.closed(code, reason);
        });
      },
    };
    open.set(listener, bus.attach(socket, 'msgpack'));
    return {
      send: (message) => {
        later(() => open.get(listener)?.message(packMessage(message), true));
      },
      bytesOf: (message) => packMessage(message).length,
      close: () => {
        hangUp(listener);
      },
    };
  };
  return {
    dial,
    cut: () => {
      for (const listener of [...open.keys()]) if (hangUp(listener)) listener.closed(1006, '');
    },
    end: () => {
      isOver = true;
      for (const listener of [...open.keys()]) if (hangUp(listener)) listener.closed(CloseCode.goingAway, 'shutdown');
    },
  };
}
