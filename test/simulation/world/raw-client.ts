import { isServerMessage, MessageType, type ServerMessage } from '../../../protocol/index.js';
import type { Channel, Dial } from '../../../client/sdk/channel.js';
import type { ClientFilter, ClientHistory } from '../../fault/client-history.js';
import { ObservedSubscription } from '../../fault/support/observed-subscription.js';
import type { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedProcess } from '../machine/simulated-process.js';

/** The client breaks its connection after this time without a message. */
const SILENCE_MS = 15_000;
const RETRY_MS = 300;

/** One subscription without the SDK. It reconnects whenever its connection breaks or is silent. */
export class RawClient extends ObservedSubscription implements ClientHistory {
  #channel: Channel | undefined;
  #cancelSilence: () => void = () => undefined;

  constructor(
    readonly name: string,
    filter: ClientFilter,
    private readonly dial: Dial,
    private readonly process: SimulatedProcess,
    private readonly random: SeededRandom,
    /** Called with each event at its arrival. */
    private readonly saw: (client: RawClient, message: ServerMessage) => void,
  ) {
    super({ filter });
  }

  start(): void {
    let isThis = true;
    const channel = this.dial({
      message: (message) => {
        if (!isThis || !isServerMessage(message)) return;
        this.#listen(channel);
        this.take(message);
        if (message[0] === MessageType.welcome) channel.send(this.request());
        this.saw(this, message);
      },
      closed: () => {
        if (!isThis) return;
        isThis = false;
        this.#cancelSilence();
        this.disconnected();
        if (this.isOver) return;
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
}
