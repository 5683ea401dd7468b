import WebSocket, { type ClientOptions } from 'ws';
import { CloseCode, packMessage, SUBPROTOCOLS, unpackMessage } from '../../protocol/index.js';
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

/** As Node's own `tls` takes them. */
export interface TlsOptions {
  /** Certificates that are believed in place of the system's, PEM; beside the system's: the environment's NODE_EXTRA_CA_CERTS. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** What this client shows of itself, PEM, and its key. */
  readonly cert?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  readonly key?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** Of the key. */
  readonly passphrase?: string | undefined;
  /** The name that the server's certificate must be for. @default the url's host */
  readonly servername?: string | undefined;
  /** Whether a server whose certificate is not trusted is refused. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Between our goodbye and the end of a connection whose other side does not answer. */
const CLOSE_TIMEOUT_MS = 500;
/** Its declarations leave this option out. */
const OURS = { closeTimeout: CLOSE_TIMEOUT_MS } as ClientOptions;

/** Channels over Node's `ws`, in MessagePack. @param find is asked before every attempt: a restarted server may be elsewhere. */
export function nodeDial(find: () => Address, tls: TlsOptions = {}): Dial {
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
        ...OURS,
        ...(given(tls) as ClientOptions),
        agent,
      });
      socket = opened;
      opened.on('message', (payload: Buffer) => {
        listener.message(decoded(payload));
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
      else openProven(address, given(tls), giveUp.signal, open, fail);
    } catch (error) {
      queueMicrotask(() => {
        listener.closed(1006, '', error instanceof BusError ? error : notBegun(error as Error));
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

/** @returns `undefined` where it is no message, as the client then finds. */
function decoded(payload: Buffer): unknown {
  try {
    return unpackMessage(payload);
  } catch {
    return undefined;
  }
}

function openProven(
  address: Address,
  tls: object,
  signal: AbortSignal,
  open: (address: Address, agent: ProvenConnection) => void,
  fail: (error: unknown) => void,
): void {
  proveServer(address.url, address.token, tls, signal)
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

const given = (tls: TlsOptions): object =>
  Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));

/** What was given cannot be used: a certificate that is none, a token that no header takes. */
function notBegun(error: Error): BusError {
  const text = `no connection could be begun: ${error.message}`;
  return new BusError('bad-option', text, 'check the url, the token and the certificates', { cause: error });
}

/** Codes of Node's TLS and of OpenSSL for a certificate that is not believed. */
const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET|DECRYPT|DECODE)_\w+|CERT_\w+|ERR_TLS_CERT_\w+|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/;

function unreachable(error: Error & { readonly code?: unknown }): BusError {
  if (typeof error.code === 'string' && UNTRUSTED.test(error.code)) {
    const text = `the certificate of the bus is not trusted: ${error.message}`;
    const hint = 'give its authority as ca, or in the file that NODE_EXTRA_CA_CERTS names';
    return new BusError('untrusted', text, hint, { cause: error });
  }
  if (error.code === 'EPROTO' || /wrong version number|packet length too long/.test(error.message)) {
    const text = 'the bus does not speak TLS at this port';
    return new BusError('unreachable', text, 'is it ws:// instead of wss://?', { cause: error });
  }
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
