import {
  EVENT_TYPES,
  kindIndex,
  MessageType,
  revision,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import type { Clock } from '../clock.js';
import { encodeEvent, unprocessable, type EventFields } from '../store/event-encoding.js';
import type { RecordVersion } from '../store/record-version.js';
import { UNSUPERVISED, type Supervision } from '../supervisor.js';
import { frameOf } from './frames.js';
import type { Hub } from './hub.js';
import type { Session } from './session.js';
import type { Delivery, Subscription } from './subscription.js';

/** One piece of a snapshot or a replay: about this many bytes go to a socket at once. */
const PIECE_BYTES = 65_536;
/**
 * What is served in one turn of the loop to those who are behind takes no longer, those who have just come included. Reading
 * files may take 3 ms of the same turn; nobody waits longer than both.
 */
const TURN_MS = 1;
/** How many records or events are looked at before the time is. */
const LOOK_AT_TIME_EVERY = 16;
/** Where a filter's globs cost more, the time is looked at for each. */
const MAX_CHEAP_COST = 500;

const SNAPSHOT = EVENT_TYPES.indexOf('snapshot');

/**
 * Serves the subscriptions that are not live: snapshots, replay, and what a slow socket has missed, in bounded pieces,
 * in turn, while their sockets take them. The last piece and the step onto the hot path are one synchronous act.
 */
export class CatchUp {
  readonly #waiting = new Set<Session>();
  readonly #pieceBytes: number;
  #scheduled: NodeJS.Immediate | undefined;
  /** When this turn of the loop has been used up; `undefined` while nothing has been served in it. */
  #until: number | undefined;

  constructor(
    private readonly hub: Hub,
    private readonly clock: Clock,
    maxQueuedBytes: number,
    private readonly supervision: Supervision = UNSUPERVISED,
  ) {
    // A queue that is half empty, which is when a session is served again, has room for a piece.
    this.#pieceBytes = Math.max(1, Math.min(PIECE_BYTES, Math.floor(maxQueuedBytes / 2)));
  }

  /** Serves a session at once, as far as one turn goes: a small snapshot is complete before the subscriber's next word. */
  begin(session: Session): void {
    const now = this.clock.elapsed();
    if (this.#until === undefined) {
      this.#until = now + TURN_MS;
      setImmediate(() => {
        // Those who are served in this turn too share its time.
        if (!this.#scheduled) this.#until = undefined;
      });
    }
    // A crowd that subscribes at once would otherwise hold the loop for a turn's time each.
    if (now < this.#until) this.#serve(session, this.#until);
    if (isBehind(session)) this.add(session);
  }

  add(session: Session): void {
    this.#waiting.add(session);
    this.#scheduled ??= setImmediate(() => {
      this.#turn();
    });
  }

  delete(session: Session): void {
    this.#waiting.delete(session);
  }

  stop(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    this.#waiting.clear();
  }

  #turn(): void {
    this.#scheduled = undefined;
    const deadline = this.#until ?? this.clock.elapsed() + TURN_MS;
    this.#until = undefined;
    for (const session of [...this.#waiting]) {
      this.#waiting.delete(session);
      this.#serve(session, deadline);
      if (isBehind(session) && !session.isCongested()) this.#waiting.add(session);
      if (this.clock.elapsed() >= deadline) break;
    }
    const [next] = this.#waiting;
    if (next) this.add(next);
  }

  /** A fault over one connection is its end, and the next one's turn. */
  #serve(session: Session, deadline: number): void {
    try {
      this.#serveAll(session, deadline);
    } catch (error) {
      session.fail('catching up', error);
    }
  }

  #serveAll(session: Session, deadline: number): void {
    for (const subscription of [...session.subscriptions]) {
      while (isBehindOne(subscription.delivery) && session.hasRoomFor(this.#pieceBytes)) {
        this.#advance(subscription, deadline);
        if (this.clock.elapsed() >= deadline) return;
      }
    }
  }

  /** Sends one piece, or takes the step that follows the last one. */
  #advance(subscription: Subscription, deadline: number): void {
    const { delivery, session } = subscription;
    switch (delivery.at) {
      case 'snapshot':
        this.#sendSnapshot(subscription, delivery, deadline);
        return;
      case 'replay':
        if (delivery.after < this.hub.history.base) session.resync(subscription, 'compacted');
        else this.#sendReplay(subscription, delivery, deadline);
        return;
      case 'lagging':
        if (delivery.after < this.hub.history.base) session.resync(subscription, 'lagged');
        else this.#sendMissed(subscription, delivery, deadline);
        return;
      case 'live':
      case 'ended':
        return;
    }
  }

  #sendSnapshot(subscription: Subscription, delivery: Extract<Delivery, { at: 'snapshot' }>, deadline: number): void {
    const { group } = subscription;
    const { versions } = delivery;
    const wants = group.matcher.wants('snapshot');
    const now = this.clock.now();
    const piece = this.#piece(subscription, deadline);
    let next = wants ? delivery.next : versions.length;
    for (; next < versions.length && piece.hasRoom(); next++) {
      const version = versions[next]!;
      const event = this.#snapshotEvent(version, now, subscription);
      if (event) piece.add(event);
    }
    subscription.delivery = { ...delivery, next };
    if (!this.#sendBatch(subscription, piece) || next < versions.length) return;
    this.#sync(subscription, delivery.cut, delivery.joinAt);
  }

  #sendReplay(subscription: Subscription, delivery: Extract<Delivery, { at: 'replay' }>, deadline: number): void {
    const piece = this.#piece(subscription, deadline);
    const after = this.#collect(subscription, piece, delivery.after, delivery.until);
    subscription.delivery = { ...delivery, after };
    if (!this.#sendBatch(subscription, piece) || after < delivery.until) return;
    this.#sync(subscription, delivery.until, delivery.joinAt);
  }

  /** @returns `undefined` where the filter does not see the record; what cannot be found out is shown, `unprocessable`. */
  #snapshotEvent(version: RecordVersion, now: UnixMillis, { group }: Subscription): Uint8Array | undefined {
    const fields = snapshotFields(version, now, this.hub.store.leaseAt(version, now));
    try {
      return group.matcher.matches(version.matchable) ? encodeEvent(fields, group.encoding) : undefined;
    } catch (error) {
      const { kind, id } = version;
      this.supervision.report('a record in a snapshot', error, { kind, id });
      return encodeEvent(unprocessable(fields), group.encoding);
    }
  }

  /** Events that the group has counted while this member was away: the same frames, for it alone. */
  #sendMissed(subscription: Subscription, delivery: Extract<Delivery, { at: 'lagging' }>, deadline: number): void {
    const { group, session } = subscription;
    const piece = this.#piece(subscription, deadline);
    const after = this.#collect(subscription, piece, delivery.after, this.hub.revision);
    if (piece.events.length > 0) {
      const head = { type: MessageType.events, to: group.id, first: delivery.index };
      if (session.offer(frameOf(head, piece.events, group.encoding)) === 'dropped') return;
    }
    this.hub.deliveredBehind += piece.events.length;
    const index = delivery.index + piece.events.length;
    subscription.delivery = { at: 'lagging', after, index };
    if (subscription.remaining === 0) {
      session.complete(subscription, 'max_events');
    } else if (after === this.hub.revision) {
      if (index !== group.index) throw new Error(`replay counts ${String(index)}, the group ${String(group.index)}`);
      subscription.delivery = { at: 'live' };
      group.join(subscription);
    }
  }

  #piece({ remaining, group }: Subscription, deadline: number): Piece {
    const lookEvery = group.matcher.cost > MAX_CHEAP_COST ? 1 : LOOK_AT_TIME_EVERY;
    return new Piece(remaining, this.#pieceBytes, deadline, lookEvery, this.clock);
  }

  /** Fills the piece with what the filter sees of the history; returns how far it looked. */
  #collect({ group }: Subscription, piece: Piece, after: Revision, until: Revision): Revision {
    let position: number = after;
    while (position < until && piece.hasRoom()) {
      const event = this.hub.history.at(++position);
      const view = event.viewFor(group.matcher);
      if (view !== undefined) piece.add(event.encoded(view, group.encoding));
    }
    return revision(position);
  }

  /** @returns whether the cap allows more. */
  #sendBatch(subscription: Subscription, piece: Piece): boolean {
    const { session, group } = subscription;
    const count = piece.events.length;
    if (count > 0) {
      const head = { type: MessageType.batch, to: subscription.id, first: subscription.batched + 1 };
      subscription.countBatch(count);
      this.hub.deliveredBehind += count;
      session.sendOrClose(frameOf(head, piece.events, group.encoding));
    }
    if (subscription.remaining > 0) return true;
    session.complete(subscription, 'max_events');
    return false;
  }

  #sync(subscription: Subscription, at: Revision, joinAt: number): void {
    subscription.session.synced(subscription, at, joinAt);
    subscription.joinCount(joinAt, at);
  }
}

/** Events gathered for one frame, up to a number, a size and a time. */
class Piece {
  readonly events: Uint8Array[] = [];
  #bytes = 0;
  #looked = 0;

  constructor(
    private readonly most: number,
    private readonly mostBytes: number,
    private readonly deadline: number,
    private readonly lookEvery: number,
    private readonly clock: Clock,
  ) {}

  /** Asked once for every record or event that is looked at. */
  hasRoom(): boolean {
    if (this.events.length >= this.most || this.#bytes >= this.mostBytes) return false;
    return ++this.#looked % this.lookEvery !== 0 || this.clock.elapsed() < this.deadline;
  }

  add(event: Uint8Array): void {
    this.events.push(event);
    this.#bytes += event.length;
  }
}

function snapshotFields(version: RecordVersion, now: UnixMillis, lease: WireLease | undefined): EventFields {
  return {
    revision: version.revision,
    type: SNAPSHOT,
    kind: kindIndex(version.kind),
    timeMs: now,
    record: version,
    reason: undefined,
    problem: version.problem,
    observed: undefined,
    lease,
  };
}

const isBehindOne = ({ at }: Delivery): boolean => at === 'snapshot' || at === 'replay' || at === 'lagging';

function isBehind(session: Session): boolean {
  for (const { delivery } of session.subscriptions) if (isBehindOne(delivery)) return true;
  return false;
}
