import { isServerMessage, MessageType, type ServerMessage } from '../../../protocol/index.js';
import type { Channel, Dial } from '../../../client/sdk/channel.js';
import type { ClientFilter, ClientHistory } from '../../fault/client-history.js';
import { ObservedSubscription, type ObservedOptions } from '../../fault/support/observed-subscription.js';
import type { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedProcess } from '../machine/simulated-process.js';

/** The client breaks its connection after this time without a message. */
const SILENCE_MS = 15_000;
const RETRY_MS = 300;
/** The id of the further subscription on its connection. */
const FURTHER = 2;

/** A further subscription on the connection of a raw client. */
export class FurtherSubscription extends ObservedSubscription implements ClientHistory {
  constructor(
    readonly name: string,
    options: ObservedOptions & { readonly filter: ClientFilter },
  ) {
    super(options);
  }
}

/**
 * A connection without the SDK, with one subscription that never ends, and maybe a further one. It reconnects whenever its connection
 * breaks or is silent.
 */
export class RawClient extends ObservedSubscription implements ClientHistory {
  #channel: Channel | undefined;
  /** The number by which the server names the events of its further subscription. */
  #furtherGroup: number | undefined;
  #cancelSilence: () => void = () => undefined;
  #cancelRetry: () => void = () => undefined;
  /** Hears nothing more of its present channel. */
  #forget: () => void = () => undefined;

  constructor(
    readonly name: string,
    filter: ClientFilter,
    private readonly dial: Dial,
    private readonly process: SimulatedProcess,
    private readonly random: SeededRandom,
    /** Called with each event at its arrival. */
    private readonly saw: (client: RawClient, message: ServerMessage) => void,
    /** Its events congest the same port: what one of the two was sent then differs from what the other was. */
    readonly further?: FurtherSubscription,
  ) {
    super({ filter });
  }

  start(): void {
    let isThis = true;
    this.#forget = () => {
      isThis = false;
      this.#cancelSilence();
    };
    const channel = this.dial({
      message: (message) => {
        if (!isThis || !isServerMessage(message)) return;
        this.#listen(channel);
        for (const subscription of this.#toldBy(message)) subscription.take(message);
        if (message[0] === MessageType.welcome) {
          channel.send(this.request());
          if (this.further?.isOver === false) channel.send(this.further.request(FURTHER));
        }
        this.saw(this, message);
      },
      closed: () => {
        if (!isThis) return;
        this.#forget();
        this.#disconnected();
        this.#cancelRetry = this.process.after(this.random.fraction() * RETRY_MS, () => {
          this.start();
        });
      },
    });
    this.#channel = channel;
    this.#listen(channel);
  }

  /** Closes its connection; {@link start} resumes the subscription. */
  leave(): void {
    this.#forget();
    this.#cancelRetry();
    this.#channel?.close();
    this.#disconnected();
  }

  /** All its subscriptions, as histories to be checked. */
  get histories(): readonly (RawClient | FurtherSubscription)[] {
    return this.further ? [this, this.further] : [this];
  }

  #disconnected(): void {
    for (const history of this.histories) history.disconnected();
  }

  /** The subscriptions that a message is about. */
  #toldBy(message: ServerMessage): readonly ObservedSubscription[] {
    if (!this.further) return [this];
    switch (message[0]) {
      case MessageType.welcome:
        this.#furtherGroup = undefined;
        return this.histories;
      case MessageType.heartbeat:
        return this.histories;
      case MessageType.events:
        return message[1] === this.#furtherGroup ? [this.further] : [this];
      case MessageType.subscribed:
        if (message[1] === FURTHER) this.#furtherGroup = message[2];
        return message[1] === FURTHER ? [this.further] : [this];
      case MessageType.batch:
      case MessageType.synced:
      case MessageType.resync:
      case MessageType.complete:
        return message[1] === FURTHER ? [this.further] : [this];
      default:
        return [];
    }
  }

  #listen(channel: Channel): void {
    this.#cancelSilence();
    this.#cancelSilence = this.process.after(SILENCE_MS, () => {
      if (this.#channel === channel) channel.close();
    });
  }
}
