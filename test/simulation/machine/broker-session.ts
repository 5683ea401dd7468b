import type { Delivery, Receipt } from '../../../server/relay/broker.js';
import type { SeededRandom } from './seeded-random.js';
import { Pipe, type Distance } from './simulated-network.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { StreamCursor, SimulatedStream } from './simulated-stream.js';
import type { SimulatedTime } from './simulated-time.js';

/** The way between one host and the broker. */
export class BrokerLink implements Distance {
  latencyMs = 0.3;
  jitterMs = 0.3;
  /** Whether what the stream answers is lost on the way back. */
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

  /** Nothing passes, and nobody is told. */
  cut(): void {
    this.#isCut = true;
  }

  /** What was on its way goes on. */
  mend(): void {
    this.#isCut = false;
    for (const { toServer, toClient } of [...this.sessions]) {
      toServer.flush();
      toClient.flush();
    }
  }
}

/** What a client is told, at its end of a session. */
export interface SessionListener {
  accepted(): void;
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

/** One connection between a client and the broker, from its dialling on. */
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
    /** By which the client is known over all its sessions. */
    readonly client: number,
    private readonly listener: SessionListener,
  ) {
    this.toServer = new Pipe(link, () => !link.isCut);
    this.toClient = new Pipe(link, () => !link.isCut);
    link.sessions.add(this);
  }

  /** Tells the client's end, when its process comes to it. */
  tell(what: (listener: SessionListener) => void): void {
    this.toClient.put(() => {
      this.process.input(0, () => {
        if (this.isOpenAtClient) what(this.listener);
      });
    });
  }
}

/** Who reads a stream, and how far it has come. */
export interface Consumer {
  readonly stream: SimulatedStream;
  readonly cursor: StreamCursor;
  isPulled: boolean;
  sentAtMs: number;
}
