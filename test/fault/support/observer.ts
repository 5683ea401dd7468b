import { WebSocket } from 'ws';
import { MessageType, packMessage, SUBPROTOCOLS, unpackMessage, type ServerMessage } from '../../../protocol/index.js';
import { TYPE, type Entry, type Life, type LifeFilter } from '../life.js';

export interface ObserverOptions {
  /** Asked before every attempt; may throw while there is no server. */
  readonly address: () => { readonly url: string; readonly token: string };
  readonly filter?: LifeFilter;
  /** Over all connections. */
  readonly cap?: number;
  readonly snapshot?: 'full' | 'none';
  /** The longest wait before another attempt. @default 20 */
  readonly retryMs?: number;
  readonly random?: () => number;
  /** @default true */
  readonly reconnects?: boolean;
  /** Whether it connects and then waits for {@link Observer.subscribe}. @default false */
  readonly waits?: boolean;
}

/** Written from PROTOCOL.md: one subscription over any number of connections, with a record of all it was told. */
export class Observer implements Life {
  readonly entries: Entry[] = [];
  readonly filter: LifeFilter;
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  connections = 0;
  events = 0;
  resyncs = 0;
  /** Called with every message, once it has been recorded. */
  onMessage: (message: ServerMessage) => void = () => undefined;
  #socket: WebSocket | undefined;
  #phase: 'apart' | 'snapshot' | 'replay' | 'live' | 'over' = 'apart';
  #epoch = '';
  #cursor: string | undefined;
  #left: number;
  #isStopped = false;

  constructor(
    readonly name: string,
    private readonly options: ObserverOptions,
  ) {
    this.filter = options.filter ?? {};
    this.#left = options.cap ?? Infinity;
  }

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** Where it would resume. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Whether everything up to here has been told. */
  hasReached(epoch: string, revision: number): boolean {
    return this.isOver || (this.isLive && this.#epoch === epoch && Number(this.#cursor?.split(':')[1]) >= revision);
  }

  start(): void {
    if (this.#isStopped || this.isOver) return;
    let url: string;
    let token: string;
    try {
      ({ url, token } = this.options.address());
    } catch {
      this.#later();
      return;
    }
    const headers = { authorization: `Bearer ${token}` };
    const socket = new WebSocket(url, [SUBPROTOCOLS.msgpack], { headers, perMessageDeflate: false });
    this.#socket = socket;
    socket.on('message', (payload: Buffer) => {
      const message = unpackMessage(payload) as ServerMessage;
      this.#take(message);
      this.onMessage(message);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closedWith = { code, reason: reason.toString() };
      this.#disconnected();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  /** Breaks the connection without a word. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Reads nothing more until {@link resume}. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  send(message: readonly unknown[]): void {
    this.#socket?.send(packMessage(message));
  }

  subscribe(): void {
    this.send([
      MessageType.subscribe,
      1,
      {
        filter: this.filter,
        snapshot: this.options.snapshot ?? 'full',
        ...(this.#cursor === undefined ? {} : { since: this.#cursor }),
        ...(this.#left === Infinity ? {} : { max_events: this.#left }),
      },
    ]);
  }

  #later(): void {
    const { retryMs = 20, random = Math.random } = this.options;
    setTimeout(() => {
      this.start();
    }, random() * retryMs);
  }

  #disconnected(): void {
    if (this.entries.at(-1)?.is !== 'disconnected') this.entries.push({ is: 'disconnected' });
    if (this.isOver) return;
    this.#phase = 'apart';
    if (this.options.reconnects ?? true) this.#later();
  }

  #take(message: ServerMessage): void {
    switch (message[0]) {
      case MessageType.welcome:
        this.connections++;
        this.#epoch = message[1].epoch;
        this.entries.push({ is: 'connected', epoch: this.#epoch, revision: message[1].revision });
        if (!this.options.waits) this.subscribe();
        return;
      case MessageType.subscribed:
        this.#subscribed(message[3], message[4], message[5]);
        return;
      case MessageType.batch:
        this.entries.push({ is: 'batch', n: message[2], events: message[3] });
        this.#count(message[3]);
        return;
      case MessageType.events:
        this.entries.push({ is: 'events', index: message[2], events: message[3] });
        this.#count(message[3]);
        return;
      case MessageType.synced:
        this.entries.push({ is: 'synced', revision: message[2], index: message[3] });
        this.#phase = 'live';
        this.#reached(message[2]);
        return;
      case MessageType.resync:
        this.entries.push({ is: 'resync', reason: message[2] });
        this.#beginAnew();
        return;
      case MessageType.complete:
        this.entries.push({ is: 'complete', reason: message[2], delivered: message[3] });
        this.#phase = message[2] === 'shutdown' ? 'apart' : 'over';
        return;
      case MessageType.heartbeat:
        this.entries.push({ is: 'heartbeat', revision: message[1] });
        if (this.isLive) this.#reached(Math.max(message[1], Number(this.#cursor!.split(':')[1])));
        return;
      default:
        return;
    }
  }

  #subscribed(mode: 'snapshot' | 'replay' | 'resync', cursor: string, why: string | undefined): void {
    const maxEvents = this.#left === Infinity ? undefined : this.#left;
    this.entries.push({ is: 'subscribed', mode, cursor, why, since: this.#cursor, maxEvents });
    if (mode === 'resync') this.#beginAnew();
    else this.#phase = mode;
  }

  #beginAnew(): void {
    this.resyncs++;
    this.#cursor = undefined;
    this.#phase = 'snapshot';
  }

  #count(events: readonly (readonly [number, number, ...unknown[]])[]): void {
    this.events += events.length;
    this.#left -= events.length;
    const last = events.at(-1);
    if (last && last[1] !== TYPE.snapshot) this.#reached(last[0]);
  }

  #reached(revision: number): void {
    this.#cursor = `${this.#epoch}:${String(revision)}`;
  }
}
