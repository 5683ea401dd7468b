import { MessageType, type ErrorCode, type ServerMessage, type Welcome } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import { elapsedOf, type ClientClock } from './clock.js';
import type { ConnectionEvent, ConnectionState } from './connection-state.js';
import type { PendingRequests } from './pending-requests.js';
import type { Routes } from './routes.js';
import type { ServerTime } from './server-time.js';

/** What each message of the server does: to the subscriptions, to the questions, and to the state of the connection. */
export class ServerMessages {
  /** The server's last welcome. */
  welcome: Welcome | undefined;
  #pingedAt: number | undefined;

  constructor(
    private readonly clock: ClientClock,
    private readonly time: ServerTime,
    private readonly routes: Routes,
    private readonly pending: PendingRequests,
    private readonly on: (event: ConnectionEvent) => void,
  ) {}

  /** Called when a ping is sent: the next pong is its answer. */
  pinged(): void {
    this.#pingedAt = elapsedOf(this.clock);
  }

  /** @param at the state of the connection. @throws what a message with impossible content causes. */
  take(message: ServerMessage, at: ConnectionState['at']): void {
    switch (message[0]) {
      case MessageType.welcome:
        // A second welcome on a connection is ignored.
        if (at === 'dialling') this.#welcomed(message[1]);
        return;
      case MessageType.heartbeat: {
        const [, upTo, serverNow, health] = message;
        this.on({ is: 'received', says: { clockSkewMs: this.time.heard(serverNow), health } });
        this.routes.mark(upTo, serverNow);
        return;
      }
      case MessageType.pong:
        this.#ponged();
        return;
      case MessageType.syncDone:
        this.pending.passed(message[1], message[2]);
        return;
      case MessageType.inspection:
        this.pending.answer(message[1], message[2]);
        return;
      case MessageType.error:
        this.#refused(message[1], message[2], message[3], message[4]);
        return;
      case MessageType.events:
      case MessageType.subscribed:
      case MessageType.batch:
      case MessageType.synced:
      case MessageType.complete:
      case MessageType.resync: {
        const cause = this.routes.take(message);
        if (cause !== undefined) this.on({ is: 'gap', now: this.clock.now(), cause });
        return;
      }
    }
  }

  #welcomed(welcome: Welcome): void {
    this.welcome = welcome;
    this.on({ is: 'welcomed', clockSkewMs: this.time.heard(welcome.now), heartbeatMs: welcome.heartbeat_ms });
  }

  #ponged(): void {
    const pingedAt = this.#pingedAt;
    if (pingedAt === undefined) return;
    this.#pingedAt = undefined;
    this.on({ is: 'received', says: { roundTripMs: elapsedOf(this.clock) - pingedAt } });
  }

  #refused(sub: number | null, code: ErrorCode, text: string, nonce: number | undefined): void {
    if (nonce !== undefined) this.pending.fail(nonce, new BusError(code, text, 'change the question'));
    if (sub !== null) this.routes.refuse(sub, new BusError(code, text, 'change the subscription'));
  }
}
