import { isServerMessage, MessageType, type ServerMessage } from '../../../protocol/index.js';
import type { Channel, Dial } from '../../../client/sdk/channel.js';
import { TYPE, type Entry, type Life, type LifeFilter } from '../../fault/life.js';
import type { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedProcess } from '../machine/simulated-process.js';

/** A client that breaks off when nothing has come for so long. */
const SILENCE_MS = 15_000;
const RETRY_MS = 300;

/** Written from PROTOCOL.md: one subscription over any number of connections, with a record of all it was told. */
export class RawClient implements Life {
  readonly entries: Entry[] = [];
  #channel: Channel | undefined;
  #phase: 'apart' | 'snapshot' | 'replay' | 'live' | 'over' = 'apart';
  #epoch = '';
  #cursor: string | undefined;
  #cancelSilence: () => void = () => undefined;

  constructor(
    readonly name: string,
    readonly filter: LifeFilter,
    private readonly dial: Dial,
    private readonly process: SimulatedProcess,
    private readonly random: SeededRandom,
    /** Told each event when it comes. */
    private readonly saw: (client: RawClient, message: ServerMessage) => void,
  ) {}

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  get cursor(): string | undefined {
    return this.#cursor;
  }

  start(): void {
    let isThis = true;
    const channel = this.dial({
      message: (message) => {
        if (!isThis || !isServerMessage(message)) return;
        this.#listen(channel);
        this.#take(channel, message);
        this.saw(this, message);
      },
      closed: () => {
        if (!isThis) return;
        isThis = false;
        this.#cancelSilence();
        if (this.entries.at(-1)?.is !== 'disconnected') this.entries.push({ is: 'disconnected' });
        if (this.#phase === 'over') return;
        this.#phase = 'apart';
        this.process.after(this.random.fraction() * RETRY_MS, () => {
          this.start();
        });
      },
    });
    this.#channel = channel;
    this.#listen(channel);
  }

  #listen(channel: Channel): void {
    this.#cancelSilence();
    this.#cancelSilence = this.process.after(SILENCE_MS, () => {
      if (this.#channel === channel) channel.close();
    });
  }

  #take(channel: Channel, message: ServerMessage): void {
    switch (message[0]) {
      case MessageType.welcome:
        this.#epoch = message[1].epoch;
        this.entries.push({ is: 'connected', epoch: this.#epoch, revision: message[1].revision });
        channel.send([
          MessageType.subscribe,
          1,
          { filter: this.filter, ...(this.#cursor === undefined ? {} : { since: this.#cursor }) },
        ]);
        return;
      case MessageType.subscribed: {
        const [, , , mode, cursor, why] = message;
        this.entries.push({ is: 'subscribed', mode, cursor, why, since: this.#cursor });
        if (mode === 'resync') this.#beginAgain();
        else this.#phase = mode;
        return;
      }
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

  #beginAgain(): void {
    this.#cursor = undefined;
    this.#phase = 'snapshot';
  }

  #count(events: readonly (readonly [number, number, ...unknown[]])[]): void {
    const last = events.at(-1);
    if (last && last[1] !== TYPE.snapshot) this.#reached(last[0]);
  }

  #reached(revision: number): void {
    this.#cursor = `${this.#epoch}:${String(revision)}`;
  }
}
