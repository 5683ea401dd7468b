import { packMessage, unpackMessage, type CloseCode } from '../../../protocol/index.js';
import { BusError } from '../../../client/sdk/bus-error.js';
import type { ChannelListener, Dial } from '../../../client/sdk/channel.js';
import type { Socket } from '../../../server/delivery/port.js';
import type { Connection } from '../../../server/sessions/connection.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedTime } from './simulated-time.js';

/** Who takes connections: a bus that runs in a process. */
export interface Listening {
  readonly process: SimulatedProcess;
  attach(socket: Socket, encoding: 'msgpack'): Connection;
}

export interface NetworkWeather {
  /** One way. */
  latencyMs: number;
  jitterMs: number;
  /** Bytes that the kernels hold of one connection, each way. */
  kernelBytes: number;
}

/** Bytes beyond which an engine drops what it is given. */
const MAX_BACKPRESSURE_BYTES = 64 * 1_048_576;
/** After that a connection that is being made is given up. */
const HANDSHAKE_MS = 10_000;

/** The network between clients and one address at which a bus may listen. */
export class SimulatedNetwork {
  readonly #lines = new Set<Line>();
  listening: Listening | undefined;
  readonly weather: NetworkWeather = { latencyMs: 0.2, jitterMs: 0.2, kernelBytes: 262_144 };
  #isCut = false;
  /** The most that waited in an engine for one connection, beside the longest frame. */
  mostQueued = 0;

  constructor(
    readonly time: SimulatedTime,
    readonly random: SeededRandom,
  ) {}

  /** How a client process connects. */
  dialFor(client: SimulatedProcess): Dial {
    return (listener) => {
      const line = new Line(this, client, listener);
      this.#lines.add(line);
      line.dial();
      return { send: (message) => line.fromClient(message), close: () => line.closeByClient() };
    };
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  get openCount(): number {
    return this.#lines.size;
  }

  latency(): number {
    return this.weather.latencyMs + this.random.fraction() * this.weather.jitterMs;
  }

  /** Nothing passes, and nobody is told. */
  cut(): void {
    this.#isCut = true;
  }

  /** What was on its way goes on. */
  mend(): void {
    this.#isCut = false;
    for (const line of [...this.#lines]) line.goOn();
  }

  /** Breaks some of the connections: both ends learn of it. */
  reset(which: (line: Line) => boolean = () => true): void {
    for (const line of [...this.#lines]) if (which(line)) line.reset();
  }

  /** The listening process has ended. */
  serverEnded(process: SimulatedProcess): void {
    for (const line of [...this.#lines]) if (line.server === process) line.serverEnded();
    if (this.listening?.process === process) this.listening = undefined;
  }

  clientEnded(process: SimulatedProcess): void {
    for (const line of [...this.#lines]) if (line.client === process) line.clientEnded();
  }

  /** A client that does not read, or reads again. */
  setReading(client: SimulatedProcess, isReading: boolean): void {
    for (const line of this.#lines) if (line.client === client) line.setReading(isReading);
  }

  gone(line: Line): void {
    this.#lines.delete(line);
  }
}

/** What decides how long things take. */
export interface Distance {
  readonly time: SimulatedTime;
  /** One way. */
  latency(): number;
}

/** Things that pass one way in their order, each after a while. */
export class Pipe {
  readonly #waiting: (() => void)[] = [];
  #lastAt = 0;
  isOpen = true;

  constructor(
    private readonly network: Distance,
    /** Whether things pass now. */
    private readonly passes: () => boolean,
  ) {}

  put(arrive: () => void): void {
    const { time } = this.network;
    const at = Math.max(this.#lastAt, time.now + this.network.latency());
    this.#lastAt = at;
    this.#waiting.push(arrive);
    time.after(at - time.now, () => {
      this.goOn();
    });
  }

  /** Lets pass what has had its time; what is held is let pass by the next call. */
  goOn(): void {
    if (!this.passes()) return;
    // One for each call of the clock, so that nothing is early; after a hold all that is late comes at once.
    const arrive = this.#waiting.shift();
    arrive?.();
  }

  /** All that was held. */
  flush(): void {
    while (this.passes() && this.#waiting.length > 0) this.goOn();
  }
}

/** One connection. */
class Line {
  readonly #toClient: Pipe;
  readonly #toServer: Pipe;
  /** Frames that the kernel has not taken. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #kernelBytes = 0;
  #isReading = true;
  /** Read by nobody yet. */
  #unread: (() => void)[] = [];
  #connection: Connection | undefined;
  #phase: 'dialling' | 'open' | 'closing' | 'closed' = 'dialling';
  #isClosedAtClient = false;
  #isClosedAtServer = false;
  server: SimulatedProcess | undefined;
  #cancelHandshake: () => void = () => undefined;

  constructor(
    private readonly network: SimulatedNetwork,
    readonly client: SimulatedProcess,
    private readonly listener: ChannelListener,
  ) {
    this.#toClient = new Pipe(network, () => !network.isCut);
    this.#toServer = new Pipe(network, () => !network.isCut);
  }

  dial(): void {
    this.#cancelHandshake = this.client.after(HANDSHAKE_MS, () => {
      if (this.#phase === 'dialling') this.#closeAtClient(1006, '', unreachable('the handshake takes too long'));
    });
    this.#toServer.put(() => {
      const { listening } = this.network;
      if (!listening || listening.process.isDead) {
        this.#toClient.put(() => {
          this.#closeAtClient(1006, '', unreachable('nobody listens'));
        });
        return;
      }
      this.server = listening.process;
      listening.process.input(0, () => {
        if (this.#phase === 'dialling' && !this.#isClosedAtClient) this.#open(listening);
      });
    });
  }

  #open(listening: Listening): void {
    this.#phase = 'open';
    this.#cancelHandshake();
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const line = this;
    const socket: Socket = {
      remote: this.client.name,
      get queuedBytes() {
        return line.#queuedBytes;
      },
      send: (frame) => this.#send(frame),
      close: (code, reason) => {
        this.#closeByServer(code, reason);
      },
    };
    this.#connection = listening.attach(socket, 'msgpack');
  }

  fromClient(message: readonly unknown[]): void {
    if (this.#isClosedAtClient) return;
    const payload = packMessage(message);
    this.#toServer.put(() => {
      this.#atServer((connection) => {
        connection.message(payload, true);
      });
    });
  }

  closeByClient(): void {
    if (this.#isClosedAtClient) return;
    this.#isClosedAtClient = true;
    this.#cancelHandshake();
    this.#toServer.put(() => {
      this.#closeAtServer();
    });
    this.client.input(this.network.latency(), () => {
      this.listener.closed(1000, '');
    });
  }

  goOn(): void {
    this.#toClient.flush();
    this.#toServer.flush();
  }

  setReading(isReading: boolean): void {
    this.#isReading = isReading;
    if (isReading) for (const read of this.#unread.splice(0)) read();
  }

  reset(): void {
    this.client.input(this.network.latency(), () => {
      this.#closeAtClient(1006, '');
    });
    this.server?.input(this.network.latency(), () => {
      this.#closedAtServer();
    });
  }

  serverEnded(): void {
    // What the client's end has said to it is heard by nobody.
    if (this.#isClosedAtClient) this.network.gone(this);
    this.#isClosedAtServer = true;
    this.#phase = 'closed';
    this.#queue = [];
    // What the kernel has is still delivered.
    this.#toClient.put(() => {
      this.client.input(0, () => {
        this.#closeAtClient(1006, '');
      });
    });
  }

  clientEnded(): void {
    this.#isClosedAtClient = true;
    this.#toServer.put(() => {
      this.#closeAtServer();
    });
  }

  // ── from the server ───────────────────────────────────────────────────────────────────────────────────────────────

  #send(frame: Uint8Array): 'sent' | 'queued' | 'dropped' {
    if (this.#phase !== 'open' || this.#isClosedAtServer) return 'dropped';
    if (this.#queue.length === 0 && this.#fits(frame)) {
      this.#pass(frame);
      return 'sent';
    }
    if (this.#queuedBytes + frame.length > MAX_BACKPRESSURE_BYTES) return 'dropped';
    this.#queue.push(frame);
    this.#queuedBytes += frame.length;
    const longest = this.#queue.reduce((most, { length }) => Math.max(most, length), 0);
    this.network.mostQueued = Math.max(this.network.mostQueued, this.#queuedBytes - longest);
    return 'queued';
  }

  #fits(frame: Uint8Array): boolean {
    return this.#kernelBytes === 0 || this.#kernelBytes + frame.length <= this.network.weather.kernelBytes;
  }

  /** The kernel takes a frame, and frees its room when the other end has read it. */
  #pass(frame: Uint8Array): void {
    this.#kernelBytes += frame.length;
    this.#toClient.put(() => {
      const read = (): void => {
        this.client.input(0, () => {
          this.#kernelBytes -= frame.length;
          if (!this.#isClosedAtClient) this.listener.message(unpackMessage(frame));
          this.#drain();
        });
      };
      if (this.#isReading) read();
      else this.#unread.push(read);
    });
  }

  #drain(): void {
    if (this.#queue.length === 0) return;
    let hasPassed = false;
    for (let next = this.#queue[0]; next && this.#fits(next); next = this.#queue[0]) {
      this.#queue.shift();
      this.#queuedBytes -= next.length;
      this.#pass(next);
      hasPassed = true;
    }
    if (hasPassed) {
      this.#atServer((connection) => {
        connection.drained();
      });
    }
  }

  #closeByServer(code: CloseCode, reason: string): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'closing';
    const end = (): void => {
      this.client.input(0, () => {
        this.#closeAtClient(code, reason);
      });
    };
    this.#toClient.put(() => {
      if (this.#isReading) end();
      else this.#unread.push(end);
    });
    // An engine does not wait for its client for ever.
    this.server?.after(1_500, () => {
      this.#closedAtServer();
    });
  }

  // ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #atServer(act: (connection: Connection) => void): void {
    this.server?.input(0, () => {
      if (this.#connection && !this.#isClosedAtServer) act(this.#connection);
    });
  }

  #closeAtClient(code: number, reason: string, error?: BusError): void {
    if (this.#isClosedAtClient) return;
    this.#isClosedAtClient = true;
    this.#cancelHandshake();
    this.listener.closed(code, reason, error);
    this.#toServer.put(() => {
      this.#closeAtServer();
    });
  }

  #closeAtServer(): void {
    if (this.server === undefined || this.server.isDead || this.#isClosedAtServer) this.network.gone(this);
    else
      this.server.input(0, () => {
        this.#closedAtServer();
      });
  }

  #closedAtServer(): void {
    this.network.gone(this);
    if (this.#isClosedAtServer) return;
    this.#isClosedAtServer = true;
    this.#phase = 'closed';
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#connection?.closed();
  }
}

function unreachable(why: string): BusError {
  return new BusError('unreachable', `cannot reach the bus: ${why}`, 'is the server running?');
}
