import { MessageType, type Encoding, type Revision, type UnixMillis, type WatchHealth } from '../../protocol/index.js';
import { encodeMessage } from '../delivery/frames.js';

/** What a client believes of the server beside what it is told of records. */
export interface Belief {
  /** The server's wall clock less its monotonic one. */
  readonly timeAheadMs: number;
  readonly state: NonNullable<WatchHealth['state']>;
  /** At an edge: whether its origin is not heard. */
  readonly isOriginAway: boolean;
}

/** What a client may believe of the time, before it is said anew out of turn. */
const MAX_TIME_WRONG_MS = 100;

/** What a welcome lets a client believe, which says nothing of what can be seen. */
export const beliefAt = (now: UnixMillis, elapsed: number): Belief => ({
  timeAheadMs: now - elapsed,
  state: 'watching',
  isOriginAway: false,
});

/** A sign of life, at one moment: one frame for each encoding, shared by all who are told. */
export class Heartbeat {
  readonly belief: Belief;
  readonly #frames = new Map<Encoding, Uint8Array>();

  constructor(
    private readonly revision: Revision,
    private readonly now: UnixMillis,
    elapsed: number,
    private readonly health: WatchHealth,
  ) {
    const { state = health.healthy ? 'watching' : 'suspect', origin } = health;
    this.belief = { ...beliefAt(now, elapsed), state, isOriginAway: origin === 'away' };
  }

  /**
   * Whether what somebody believes may make an answer wrong: by a clock that was set back since, leases would seem to have ended,
   * and where a directory can no longer be seen, nobody would seem to hold what is reserved in it. Where what could not be seen can be
   * again, or an origin is back, what has ended would seem to be held.
   */
  corrects({ timeAheadMs, state, isOriginAway }: Belief): boolean {
    const { belief } = this;
    const isSetBack = belief.timeAheadMs < timeAheadMs - MAX_TIME_WRONG_MS;
    return isSetBack || belief.state !== state || belief.isOriginAway !== isOriginAway;
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
