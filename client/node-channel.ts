import WebSocket from 'ws';
import { CloseCode, packMessage, SUBPROTOCOLS, unpackMessage, type ServerMessage } from '../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Dial } from './channel.js';
import { proveServer, type ProvenConnection } from './server-proof.js';

/** Where a bus is and how to be let in. */
export interface Address {
  /** `ws://` or `wss://`. */
  readonly url: string;
  readonly token: string;
  /** Whether url and token are the caller's own word; others were found, and the server has to prove itself first. */
  readonly isCallers: boolean;
}

/** Channels over Node's `ws`, in MessagePack. @param find is asked before every attempt: a restarted server may be elsewhere. */
export function nodeDial(find: () => Address): Dial {
  return (listener) => {
    let socket: WebSocket | undefined;
    let failure: BusError | undefined;
    const giveUp = new AbortController();
    const fail = (error: unknown): void => {
      listener.closed(1006, '', error instanceof BusError ? error : unreachable(error as Error));
    };
    const open = ({ url, token }: Address, agent: ProvenConnection | undefined): void => {
      const opened = new WebSocket(url, [SUBPROTOCOLS.msgpack], {
        headers: { authorization: `Bearer ${token}` },
        perMessageDeflate: false,
        handshakeTimeout: 10_000,
        agent,
      });
      socket = opened;
      opened.on('message', (payload: Buffer) => {
        listener.message(unpackMessage(payload) as ServerMessage);
      });
      opened.on('unexpected-response', (_request, response) => {
        failure = refused(response.statusCode ?? 0);
        opened.terminate();
      });
      opened.on('error', (error) => {
        failure ??= error instanceof BusError ? error : unreachable(error);
      });
      opened.on('close', (code, reason) => {
        agent?.destroy();
        const isOutdated = (code as CloseCode) === CloseCode.unauthorized && tokenNow(find) !== token;
        listener.closed(isOutdated ? 1006 : code, reason.toString(), failure);
      });
    };
    try {
      const address = find();
      if (address.isCallers) open(address, undefined);
      else openProven(address, giveUp.signal, open, fail);
    } catch (error) {
      queueMicrotask(() => {
        fail(error);
      });
    }
    return {
      send: (message) => {
        if (socket?.readyState === WebSocket.OPEN) socket.send(packMessage(message));
      },
      close: () => {
        giveUp.abort();
        // A connection that is still being made is given up; an open one says goodbye.
        if (socket?.readyState === WebSocket.CONNECTING) socket.terminate();
        else socket?.close(1000);
      },
    };
  };
}

function openProven(
  address: Address,
  signal: AbortSignal,
  open: (address: Address, agent: ProvenConnection) => void,
  fail: (error: unknown) => void,
): void {
  proveServer(address.url, address.token, signal)
    .then((agent) => {
      if (signal.aborted) agent.destroy();
      else open(address, agent);
    })
    .catch(fail);
}

/** A token that was rotated is known anew where it is looked up; one that the caller gave stays what it is. */
function tokenNow(find: () => Address): string | undefined {
  try {
    return find().token;
  } catch {
    return undefined;
  }
}

function unreachable(error: Error): BusError {
  const text = `cannot reach the bus: ${error.message}`;
  return new BusError('unreachable', text, 'is the server running? start it with muse-bus serve', { cause: error });
}

function refused(status: number): BusError {
  switch (status) {
    case 401:
      return new BusError('unauthorized', 'the bus refused the token', 'take it from .muse/bus/endpoint.json');
    case 403:
      return new BusError(
        'forbidden',
        'the bus refused the Host or Origin',
        'start it with --allow-host or --allow-origin',
      );
    case 503:
      return new BusError('unreachable', 'the bus is starting, or full', 'try again');
    default:
      return new BusError(
        'protocol',
        `the bus answered the handshake with ${String(status)}`,
        'is this the url of a bus?',
      );
  }
}
