import { CloseCode, packMessage, unpackMessage } from '../../protocol/index.js';
import type { Bus, Connection, Socket } from '../../server/index.js';
import { BusError } from './bus-error.js';
import type { ChannelListener, Dial } from './channel.js';

/** A way to a bus in this process, which can be cut from the server's side. */
export interface InProcessLine {
  readonly dial: Dial;
  /** Every connection breaks, as if the network had gone. */
  cut(): void;
  /** The server is gone: every connection ends as at a shutdown, and none is made again. */
  end(): void;
}

/** Frames pass from one side to the other in a later microtask, in order, as they would over a wire. */
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
      return { send: () => undefined, close: () => undefined };
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
