import { BusClient, type ClientOptions } from '../../client/sdk/index.js';
import type { ChannelListener, Dial } from '../../client/sdk/channel.js';
import { MessageType, type ServerMessage, type WireEvent } from '../../protocol/index.js';
import { ManualClock } from './manual-clock.js';

export const EPOCH = 'EPOCH1';

/** A server that sends only the messages that a test gives it. */
export class ScriptedServer {
  readonly clock = new ManualClock();
  /** The messages that the client has sent on the current connection. */
  sent: unknown[][] = [];
  /** How many times the client has dialled. */
  dials = 0;
  #listener: ChannelListener | undefined;

  readonly dial: Dial = (listener) => {
    this.dials++;
    this.sent = [];
    this.#listener = listener;
    return {
      send: (message) => this.sent.push([...message]),
      bytesOf: (message) => JSON.stringify(message).length,
      close: () => {
        if (this.#listener === listener) this.#listener = undefined;
      },
    };
  };

  /** A client of this server, on this server's clock, with no jitter unless `options` says otherwise. */
  client(options: ClientOptions = {}): BusClient {
    return new BusClient(this.dial, { clock: this.clock, random: () => 0.5, ...options });
  }

  /** A client that has received `welcome`. */
  async welcomedClient(options: ClientOptions = {}): Promise<BusClient> {
    const client = this.client(options);
    const open = client.open();
    this.welcome();
    await open;
    return client;
  }

  get isConnected(): boolean {
    return this.#listener !== undefined;
  }

  say(message: ServerMessage): void {
    this.#listener?.message(message);
  }

  welcome(epoch = EPOCH, heartbeatMs = 1_000, limits: Readonly<Record<string, number>> = {}, more: object = {}): void {
    this.say([
      MessageType.welcome,
      {
        protocol: 1,
        server: '9.9.9',
        epoch,
        revision: 0,
        now: this.clock.now() + 7,
        backend: 'inotify',
        heartbeat_ms: heartbeatMs,
        limits,
        ...more,
      },
    ]);
  }

  /** Answers the last subscribe message with a snapshot of these events, up to the synced mark. */
  snapshot(events: readonly WireEvent[], revision: number, index = 0): number {
    const sub = this.lastSubscription();
    this.say([MessageType.subscribed, sub, 1, 'snapshot', `${EPOCH}:${String(revision)}`]);
    if (events.length > 0) this.say([MessageType.batch, sub, 1, events]);
    this.say([MessageType.synced, sub, revision, index]);
    return sub;
  }

  lastSubscription(): number {
    return this.subscribes().at(-1)![1] as number;
  }

  /** The options of the last subscribe message. */
  lastRequest(): Record<string, unknown> {
    return this.subscribes().at(-1)![2] as Record<string, unknown>;
  }

  subscribes(): unknown[][] {
    return this.sent.filter(([type]) => type === MessageType.subscribe);
  }

  /** Breaks the connection. */
  drop(code = 1006, reason = ''): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed(code, reason);
  }
}

/** An event of a reservation, as on the wire. */
export function event(
  revision: number,
  type: 0 | 1 | 2 | 3 | 4,
  id: string,
  data: Record<string, string> = {},
): WireEvent {
  return [revision, type, 0, id, 1_700_000_000_000, data];
}
