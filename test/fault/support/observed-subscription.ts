import { MessageType, type ServerMessage } from '../../../protocol/index.js';
import { TYPE, type Entry, type ClientFilter } from '../client-history.js';

export interface ObservedOptions {
  readonly filter?: ClientFilter;
  /** The most events, over all connections. */
  readonly cap?: number;
  readonly snapshot?: 'full' | 'none';
}

/**
 * One subscription over any number of connections, with the history of what it received; written from PROTOCOL.md. It has no
 * transport: a subclass passes the messages to it.
 */
export class ObservedSubscription {
  readonly entries: Entry[] = [];
  readonly filter: ClientFilter;
  connections = 0;
  events = 0;
  resyncs = 0;
  #phase: 'disconnected' | 'snapshot' | 'replay' | 'live' | 'ended' = 'disconnected';
  #epoch = '';
  #cursor: string | undefined;
  #left: number;

  constructor(private readonly options: ObservedOptions) {
    this.filter = options.filter ?? {};
    this.#left = options.cap ?? Infinity;
  }

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  get isOver(): boolean {
    return this.#phase === 'ended';
  }

  /** The cursor from which the subscription would resume. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Whether the subscription has received everything up to a revision, or has ended. */
  hasReached(epoch: string, revision: number): boolean {
    return this.isOver || (this.isLive && this.#epoch === epoch && Number(this.#cursor?.split(':')[1]) >= revision);
  }

  /** The message that subscribes, or resumes where the last connection ended. @param id of the subscription on its connection. */
  request(id = 1): readonly unknown[] {
    return [
      MessageType.subscribe,
      id,
      {
        filter: this.filter,
        snapshot: this.options.snapshot ?? 'full',
        ...(this.#cursor === undefined ? {} : { since: this.#cursor }),
        ...(this.#left === Infinity ? {} : { max_events: this.#left }),
      },
    ];
  }

  disconnected(): void {
    if (this.entries.at(-1)?.is !== 'disconnected') this.entries.push({ is: 'disconnected' });
    // A cap that was reached before its `complete` came leaves nothing to ask for.
    if (!this.isOver) this.#phase = this.#left <= 0 ? 'ended' : 'disconnected';
  }

  take(message: ServerMessage): void {
    switch (message[0]) {
      case MessageType.welcome:
        this.connections++;
        this.#epoch = message[1].epoch;
        this.entries.push({ is: 'connected', epoch: this.#epoch, revision: message[1].revision });
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
        this.#beginAgain();
        return;
      case MessageType.complete:
        this.entries.push({ is: 'complete', reason: message[2], delivered: message[3] });
        this.#phase = message[2] === 'shutdown' ? 'disconnected' : 'ended';
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
    if (mode === 'resync') this.#beginAgain();
    else this.#phase = mode;
  }

  #beginAgain(): void {
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
