import type { Delivery, Receipt } from '../../../server/relay/broker.js';
import type { SeededRandom } from './seeded-random.js';
import { Pipe, type Distance } from './simulated-network.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { StreamCursor, SimulatedStream } from './simulated-stream.js';
import type { SimulatedTime } from './simulated-time.js';

/** The network path between one host and the broker. */
export class BrokerLink implements Distance {
  latencyMs = 0.3;
  jitterMs = 0.3;
  /** Whether the answers of the stream are lost on their way back. */
  losesReceipts = false;
  #isCut = false;
  readonly sessions = new Set<Session>();

  constructor(
    readonly time: SimulatedTime,
    private readonly random: SeededRandom,
  ) {}

  get isCut(): boolean {
    return this.#isCut;
  }

  latency(): number {
    return this.latencyMs + this.random.fraction() * this.jitterMs;
  }

  fraction(): number {
    return this.random.fraction();
  }

  /** Stops all traffic; neither end is notified. */
  cut(): void {
    this.#isCut = true;
  }

  /** Lets the held traffic pass. */
  mend(): void {
    this.#isCut = false;
    for (const { toServer, toClient } of [...this.sessions]) {
      toServer.flush();
      toClient.flush();
    }
  }
}

/** What the client's end of a session calls. */
export interface SessionListener {
  accepted(maxPayloadBytes: number): void;
  refused(): void;
  lost(): void;
  pong(): void;
  message(subscription: number, data: Uint8Array, reply: string | undefined): void;
  answer(request: number, answer: Answer): void;
  receipt(sender: number, receipt: Receipt): void;
  deliveries(reader: number, deliveries: readonly Delivery[]): void;
  idle(reader: number): void;
  readerEnded(reader: number, why: string): void;
}

export type Answer = { readonly value: unknown } | { readonly error: Error };

/** One connection between a client and the broker, from the first attempt on. */
export class Session {
  readonly toServer: Pipe;
  readonly toClient: Pipe;
  readonly subscriptions = new Map<number, string>();
  readonly consumers = new Map<number, Consumer>();
  isOpenAtServer = false;
  isOpenAtClient = true;

  constructor(
    readonly link: BrokerLink,
    readonly process: SimulatedProcess,
    /** The number of the client, the same in all its sessions. */
    readonly client: number,
    private readonly listener: SessionListener,
  ) {
    this.toServer = new Pipe(link, () => !link.isCut);
    this.toClient = new Pipe(link, () => !link.isCut);
    link.sessions.add(this);
  }

  /** Calls the client's end when its process can run. */
  tell(what: (listener: SessionListener) => void): void {
    this.toClient.put(() => {
      this.process.input(0, () => {
        if (this.isOpenAtClient) what(this.listener);
      });
    });
  }
}

/** The reader of a stream, and its position. */
export interface Consumer {
  readonly stream: SimulatedStream;
  readonly cursor: StreamCursor;
  isPulled: boolean;
  sentAtMs: number;
}
