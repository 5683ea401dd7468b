import { CloseCode } from '../../protocol/index.js';
import { authorityName } from '../config/authority.js';
import type { ResolvedOptions } from '../config/options.js';
import type { Log } from '../runtime/log.js';
import type { HttpAnswer, RequestHead } from './transport.js';
import { withSecurityHeaders } from './security-headers.js';
import { WsTransport } from './ws/ws-transport.js';
import { text } from './reply.js';

/** Probes are few, and each closes its connection. */
const MAX_CONNECTIONS = 64;
const NO_WEBSOCKET = withSecurityHeaders(text(404, 'no bus is served on the port of probes'));

export type ProbeOptions = Pick<ResolvedOptions, 'probePort' | 'probeHost' | 'idleTimeoutMs'>;

/**
 * The port for an orchestrator's probes and for scrapes. It has no TLS and asks for no token, and it answers from before the first record
 * to the end, so that a process that waits for NATS is not taken for a dead one. Each process has its own, also if several share the port
 * for clients.
 */
export class ProbeListener {
  readonly #transport = new WsTransport();

  constructor(
    private readonly options: ProbeOptions,
    private readonly answer: (request: RequestHead) => HttpAnswer,
    private readonly log: Log,
  ) {}

  /** @returns the port; `undefined` without one. @throws Error with code EADDRINUSE if the port is taken. */
  async listen(): Promise<number | undefined> {
    const { probePort, probeHost, idleTimeoutMs } = this.options;
    if (probePort === undefined) return undefined;
    const port = await this.#transport.listen(
      {
        host: probeHost,
        port: probePort,
        maxPayloadBytes: 0,
        maxBackpressureBytes: 0,
        idleTimeoutMs,
        maxPendingConnections: MAX_CONNECTIONS,
        tls: undefined,
      },
      {
        http: this.answer,
        upgrade: () => ({ accept: false, reply: NO_WEBSOCKET }),
        pendingOverflow: () => undefined,
      },
    );
    this.log.info({ host: probeHost, port }, 'answering probes');
    return port;
  }

  async stop(): Promise<void> {
    await this.#transport.stop(CloseCode.goingAway, 'shutdown');
  }
}

/** The names of `--allow-host` as a probe sends them, without a port. */
export const probeNames = (allowHosts: readonly string[]): readonly string[] => allowHosts.map(authorityName);
