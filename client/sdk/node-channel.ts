import WebSocket, { type ClientOptions } from 'ws';
import { CloseCode, packMessage, SUBPROTOCOLS, systemErrorWords, unpackMessage } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Dial } from './channel.js';
import { proveServer, type ProvenConnection } from './server-proof.js';

/** The url of a bus and the token for it. */
export interface Address {
  /** `ws://` or `wss://`. */
  readonly url: string;
  readonly token: string;
  /** Whether the caller gave both url and token. If not, they come from a file, and the server must first prove that it knows the token. */
  readonly isCallers: boolean;
}

/** Options of TLS, with the meaning they have in Node's `tls`. */
export interface TlsOptions {
  /** Trusted authorities, PEM, in place of Node's. To add to Node's, set NODE_EXTRA_CA_CERTS in the environment. @default Node's */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The certificate of this client, PEM; needs `key`. @default none */
  readonly cert?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The private key of `cert`, PEM. @default none */
  readonly key?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The passphrase of `key`. @default none */
  readonly passphrase?: string | undefined;
  /** The host name that the server's certificate must have. @default the url's host */
  readonly servername?: string | undefined;
  /** Whether a server whose certificate is not trusted is refused. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** How long a socket waits for the server's answer to its close frame before it is destroyed. */
const CLOSE_TIMEOUT_MS = 500;
/** The type declarations of `ws` lack this option. */
const OURS = { closeTimeout: CLOSE_TIMEOUT_MS } as ClientOptions;

/** Channels over `ws` in Node, in MessagePack. @param find called before every attempt: a restarted server may have another address. */
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
      bytesOf: (message) => packMessage(message).length,
      close: () => {
        giveUp.abort();
        // An open connection is closed with a close frame; one that is still connecting is given up.
        if (socket?.readyState === WebSocket.CONNECTING) socket.terminate();
        else socket?.close(1000);
      },
    };
  };
}

/** @returns `undefined` if the bytes are no message; the client then closes with a protocol error. */
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

/** The token as it is now: a rotated token is in the endpoint file again, a token from the caller never changes. */
function tokenNow(find: () => Address): string | undefined {
  try {
    return find().token;
  } catch {
    return undefined;
  }
}

const given = (tls: TlsOptions): object =>
  Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));

/** The error for options that cannot be used: an invalid certificate, or a token that no HTTP header can carry. */
function notBegun(error: Error): BusError {
  const text = `no connection could be begun: ${error.message}`;
  return new BusError('bad-option', text, 'check the url, the token and the certificates', { cause: error });
}

/** Codes of Node's TLS and of OpenSSL for a certificate that is not trusted. */
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
  const text = `cannot reach the bus${placeOf(error)}: ${systemErrorWords(error)}`;
  return new BusError('unreachable', text, 'is the server running? start it with muse-bus serve', { cause: error });
}

/** Where the connection was tried, as far as the system says it. */
function placeOf(error: Error): string {
  const { address, port, hostname } = error as Error & { address?: string; port?: number; hostname?: string };
  const host = address?.includes(':') ? `[${address}]` : (address ?? hostname);
  return host === undefined ? '' : ` at ${host}${port === undefined ? '' : `:${String(port)}`}`;
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
