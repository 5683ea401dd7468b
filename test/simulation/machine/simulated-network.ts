import { MessageType, packMessage, unpackMessage, type CloseCode, type Welcome } from '../../../protocol/index.js';
import { BusError } from '../../../client/sdk/bus-error.js';
import type { ChannelListener, Dial } from '../../../client/sdk/channel.js';
import type { Socket } from '../../../server/delivery/port.js';
import type { Connection } from '../../../server/sessions/connection.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedTime } from './simulated-time.js';

/** A bus in a process that accepts connections. */
export interface Listening {
  readonly process: SimulatedProcess;
  attach(socket: Socket, encoding: 'msgpack'): Connection;
}

export interface NetworkWeather {
  /** One way. */
  latencyMs: number;
  jitterMs: number;
  /** The most bytes that the kernels buffer for one connection, in each direction. */
  kernelBytes: number;
}

/** An engine drops frames when more bytes than this wait. */
const MAX_BACKPRESSURE_BYTES = 64 * 1_048_576;
/** Where a packed message has its type: behind the head of a short array. */
const TYPE_AT = 1;
/** No type of message that there is. */
const LATER_TYPE = 250;
/** A connection that is not open after this time is given up. */
const HANDSHAKE_MS = 10_000;

/** The network between clients and one address at which a bus may listen. */
export class SimulatedNetwork {
  readonly #lines = new Set<Line>();
  listening: Listening | undefined;
  readonly weather: NetworkWeather = { latencyMs: 0.2, jitterMs: 0.2, kernelBytes: 262_144 };
  #isCut = false;
  /** Whether its server is of a later minor version, which sends messages, keys and features that no client knows yet. */
  isLater = false;
  /** The most bytes that waited in an engine for one connection, besides the longest frame. */
  mostQueued = 0;
  /** The most bytes that waited in an engine for one connection when events that can be sent again were put behind them. */
  mostBehind = 0;

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
      return {
        send: (message) => line.fromClient(message),
        bytesOf: (message) => packMessage(message).length,
        close: () => line.closeByClient(),
      };
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

  /** Stops all traffic; neither end is notified. */
  cut(): void {
    this.#isCut = true;
  }

  /** Lets the held traffic pass. */
  mend(): void {
    this.#isCut = false;
    for (const line of [...this.#lines]) line.goOn();
  }

  /** Breaks some of the connections; both ends are notified. */
  reset(which: (line: Line) => boolean = () => true): void {
    for (const line of [...this.#lines]) if (which(line)) line.reset();
  }

  /** Called when the listening process has ended. */
  serverEnded(process: SimulatedProcess): void {
    for (const line of [...this.#lines]) if (line.server === process) line.serverEnded();
    if (this.listening?.process === process) this.listening = undefined;
  }

  clientEnded(process: SimulatedProcess): void {
    for (const line of [...this.#lines]) if (line.client === process) line.clientEnded();
  }

  /** Makes a client stop reading, or read again. */
  setReading(client: SimulatedProcess, isReading: boolean): void {
    for (const line of this.#lines) if (line.client === client) line.setReading(isReading);
  }

  gone(line: Line): void {
    this.#lines.delete(line);
  }
}

/** The parameters of a delay. */
export interface Distance {
  readonly time: SimulatedTime;
  /** One way. */
  latency(): number;
}

/** A queue that delivers in order, each item after a delay. */
export class Pipe {
  readonly #waiting: (() => void)[] = [];
  #lastAt = 0;
  isOpen = true;

  constructor(
    private readonly network: Distance,
    /** Whether the queue delivers now. */
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

  /** Delivers what is due; items that are held are delivered by a later call. */
  goOn(): void {
    if (!this.passes()) return;
    // One item for each call of the clock, so that none is early; after a hold all late items come at once.
    const arrive = this.#waiting.shift();
    arrive?.();
  }

  /** Delivers all held items. */
  flush(): void {
    while (this.passes() && this.#waiting.length > 0) this.goOn();
  }
}

/** One connection. */
class Line {
  readonly #toClient: Pipe;
  readonly #toServer: Pipe;
  /** Frames in the engine that the kernel has not accepted. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #kernelBytes = 0;
  #isReading = true;
  /** Frames that the client has not read. */
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
    // Messages that are still on their way from the client are lost.
    if (this.#isClosedAtClient) this.network.gone(this);
    this.#isClosedAtServer = true;
    this.#phase = 'closed';
    this.#queue = [];
    // The kernel still delivers the frames that it has accepted.
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
    if (this.#queue.length > 1 && frame[TYPE_AT] === MessageType.events)
      this.network.mostBehind = Math.max(this.network.mostBehind, this.#queuedBytes);
    return 'queued';
  }

  #fits(frame: Uint8Array): boolean {
    return this.#kernelBytes === 0 || this.#kernelBytes + frame.length <= this.network.weather.kernelBytes;
  }

  /** Passes a frame to the kernel, which frees the space when the other end has read the frame. */
  #pass(frame: Uint8Array): void {
    this.#kernelBytes += frame.length;
    this.#toClient.put(() => {
      const read = (): void => {
        this.client.input(0, () => {
          this.#kernelBytes -= frame.length;
          const message = unpackMessage(frame);
          for (const each of this.network.isLater ? asLater(message) : [message])
            if (!this.#isClosedAtClient) this.listener.message(each);
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
    // An engine does not wait for ever for its client to close.
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

/** What a server of a later minor version sends in place of a message. */
function asLater(message: unknown): readonly unknown[] {
  const [type, welcome] = message as readonly [number, Welcome];
  if (type !== MessageType.welcome) return [[LATER_TYPE, 'nobody knows this'], message];
  const later = { ...welcome, features: [...(welcome.features ?? []), 'a later one'], a_later_key: true };
  return [[type, later, 'a later element']];
}

function unreachable(why: string): BusError {
  return new BusError('unreachable', `cannot reach the bus: ${why}`, 'is the server running?');
}
