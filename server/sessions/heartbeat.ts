import { MessageType, type Encoding, type Revision, type UnixMillis, type WatchHealth } from '../../protocol/index.js';
import { encodeMessage } from '../delivery/frames.js';

/** What a client last received about the server's clock and state. */
export interface ReceivedState {
  /** The server's wall clock minus its monotonic clock. */
  readonly timeAheadMs: number;
  readonly state: NonNullable<WatchHealth['state']>;
  /** At an edge: whether its origin is not heard. */
  readonly isOriginAway: boolean;
}

/** If the clock that a client knows is ahead by more than this, the client is sent a heartbeat at once. */
const MAX_TIME_WRONG_MS = 100;

/** Returns what a client has received after `welcome`, which holds the time and no state of the files. */
export const stateAfterWelcome = (now: UnixMillis, elapsed: number): ReceivedState => ({
  timeAheadMs: now - elapsed,
  state: 'watching',
  isOriginAway: false,
});

/** A heartbeat of the server at one time. All clients share one frame per encoding. */
export class Heartbeat {
  readonly received: ReceivedState;
  readonly #frames = new Map<Encoding, Uint8Array>();

  constructor(
    private readonly revision: Revision,
    private readonly now: UnixMillis,
    elapsed: number,
    private readonly health: WatchHealth,
  ) {
    const { state = health.healthy ? 'watching' : 'suspect', origin } = health;
    this.received = { ...stateAfterWelcome(now, elapsed), state, isOriginAway: origin === 'away' };
  }

  /**
   * Whether what a client last received may make it give a wrong answer. If the server's clock was set back since, leases would seem to
   * have ended. If a directory can no longer be seen, addresses that are reserved in it would seem free. If a directory can be seen
   * again, or an origin is back, leases that have ended would seem to hold.
   */
  corrects({ timeAheadMs, state, isOriginAway }: ReceivedState): boolean {
    const { received } = this;
    const isSetBack = received.timeAheadMs < timeAheadMs - MAX_TIME_WRONG_MS;
    return isSetBack || received.state !== state || received.isOriginAway !== isOriginAway;
  }

  frame(encoding: Encoding): Uint8Array {
    let frame = this.#frames.get(encoding);
    if (!frame) {
      frame = encodeMessage([MessageType.heartbeat, this.revision, this.now, this.health], encoding);
      this.#frames.set(encoding, frame);
    }
    return frame;
  }
}
