import {
  EVENT_TYPES,
  kindIndex,
  revision,
  type LeaseState,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import { encodeEvent, unprocessable, type EventFields } from '../store/event-encoding.js';
import type { RecordVersion } from '../store/record-version.js';
import { UNSUPERVISED, type Supervision } from '../runtime/supervisor.js';
import type { Turn } from '../runtime/turn-loop.js';
import type { InReplay, InSnapshot, Lagging } from './delivery-state.js';
import { HistoryPiece, HistoryPieces } from './history-pieces.js';
import type { Hub } from './hub.js';
import { deliveryFromNow } from './initial-delivery.js';
import { Piece } from './piece.js';
import { SnapshotPiece, SnapshotPieces } from './snapshot-pieces.js';
import type { Subscriber } from './subscriber.js';
import type { Subscription } from './subscription.js';

/** The approximate size of one piece of a snapshot or a replay, which is sent at once. */
const PIECE_BYTES = 65_536;

const SNAPSHOT = EVENT_TYPES.indexOf('snapshot');

/**
 * Serves the subscriptions that are not live. It sends them snapshots, replays and missed events in bounded pieces, one
 * subscriber after the other, while their ports take them. The last piece and the step to `live` are one synchronous step. The
 * turn loop outside steps it, one turn at a time.
 */
export class CatchUp {
  readonly #waiting = new Set<Subscriber>();
  readonly #pieceBytes: number;
  readonly #pieces: SnapshotPieces;
  readonly #past = new HistoryPieces();

  constructor(
    private readonly hub: Hub,
    maxQueuedBytes: number,
    /** Requests a step. */
    private readonly requestStep: () => void,
    private readonly supervision: Supervision = UNSUPERVISED,
  ) {
    this.#pieces = new SnapshotPieces(hub.store);
    // A congested port opens when its queue is half empty. Then the queue has room for a piece.
    this.#pieceBytes = Math.max(1, Math.min(PIECE_BYTES, Math.floor(maxQueuedBytes / 2)));
  }

  /** Serves a subscriber at once within the turn, so that a small snapshot is complete before the client's next message. */
  begin(subscriber: Subscriber, turn: Turn): void {
    // Otherwise each of many clients that subscribe at once would occupy the loop for a whole turn's time.
    if (!turn.isSpent()) this.#serve(subscriber, turn);
    if (subscriber.isBehind) this.add(subscriber);
  }

  add(subscriber: Subscriber): void {
    this.#waiting.add(subscriber);
    this.requestStep();
  }

  delete(subscriber: Subscriber): void {
    this.#waiting.delete(subscriber);
  }

  /** Serves each waiting subscriber once, until the turn is spent. @returns whether any subscriber still waits. */
  step(turn: Turn): boolean {
    for (const subscriber of [...this.#waiting]) {
      this.#waiting.delete(subscriber);
      this.#serve(subscriber, turn);
      if (subscriber.isBehind && subscriber.port.isOpen()) this.#waiting.add(subscriber);
      if (turn.isSpent()) break;
    }
    return this.#waiting.size > 0;
  }

  clear(): void {
    this.#waiting.clear();
    this.#pieces.clear();
    this.#past.clear();
  }

  /** Frees what was kept for subscriptions that begin soon after each other. To be called now and then. */
  forgetOld(now: UnixMillis): void {
    this.#pieces.forgetOld(now);
    this.#past.forgetIdle();
  }

  /** Serves one subscriber. An error ends its connection, and the next subscriber is served. */
  #serve(subscriber: Subscriber, turn: Turn): void {
    try {
      for (const subscription of [...subscriber.subscriptions]) {
        while (subscription.isBehind && subscriber.port.claim(this.#pieceBytes)) {
          this.#advance(subscription, turn);
          if (turn.isSpent()) return;
        }
      }
    } catch (error) {
      subscriber.fail('catching up', error);
    }
  }

  /** Sends one piece, or begins the subscription again if the history does not reach back to its position. */
  #advance(subscription: Subscription, turn: Turn): void {
    const { state } = subscription;
    switch (state.at) {
      case 'snapshot':
        this.#sendSnapshot(subscription, state, turn);
        return;
      case 'replay':
        if (state.after < this.hub.history.base) this.#resync(subscription, 'compacted');
        else this.#sendReplay(subscription, state, turn);
        return;
      case 'lagging':
        if (state.after < this.hub.history.base) this.#resync(subscription, 'lagged');
        else this.#sendMissed(subscription, state, turn);
        return;
      case 'live':
      case 'ended':
        return;
    }
  }

  #sendSnapshot(subscription: Subscription, { versions, next }: InSnapshot, turn: Turn): void {
    const { group, remaining } = subscription;
    const piece = group.matcher.wants('snapshot')
      ? (this.#pieces.find(group, versions, next, remaining, turn.now) ??
        this.#encode(subscription, versions, next, turn))
      : NOTHING;
    this.hub.deliveredBehind += piece.count;
    subscription.sendSnapshot(piece, 'versions' in piece ? next + piece.versions.length : versions.length);
  }

  /** Encodes the next records of a snapshot, and keeps them for the next subscriptions of the group. */
  #encode(subscription: Subscription, versions: readonly RecordVersion[], next: number, turn: Turn): SnapshotPiece {
    const { group } = subscription;
    const { now } = turn;
    const found = this.#piece(subscription, turn);
    const leases: { readonly version: RecordVersion; readonly state: LeaseState }[] = [];
    let at = next;
    for (; at < versions.length && found.beginNext(); at++) {
      const version = versions[at]!;
      if (at > next && this.#pieces.hasBeginning(group, version)) break;
      const lease = this.hub.store.leaseAt(version, now);
      const event = this.#snapshotEvent(version, now, lease, subscription);
      if (!event) continue;
      found.add(event);
      if (lease) leases.push({ version, state: lease[0] });
    }
    const piece = new SnapshotPiece(
      versions.slice(next, at),
      found.events,
      group,
      leases,
      now,
      this.hub.store.revision,
    );
    this.#pieces.add(group, piece);
    return piece;
  }

  #sendReplay(subscription: Subscription, { after, until }: InReplay, turn: Turn): void {
    const piece = this.#collect(subscription, after, until, turn);
    this.hub.deliveredBehind += piece.count;
    subscription.sendReplay(piece, piece.matchedTo);
  }

  /** Sends events that the group counted while this subscription was not live, in frames like those of the group. */
  #sendMissed(subscription: Subscription, { after }: Lagging, turn: Turn): void {
    const piece = this.#collect(subscription, after, this.hub.revision, turn);
    if (!subscription.sendMissed(piece, piece.matchedTo)) return;
    this.hub.deliveredBehind += piece.count;
    if (piece.matchedTo === this.hub.revision) subscription.goLive();
  }

  /** Begins a subscription again with the current records, because the missed events are no longer in the history. */
  #resync(subscription: Subscription, reason: 'compacted' | 'lagged'): void {
    this.hub.resyncs[reason]++;
    subscription.restart(deliveryFromNow(this.hub, subscription.group, subscription.wantsSnapshot), reason);
  }

  /** @returns the encoded event, as `unprocessable` if the filter or the encoder throws; `undefined` if the filter does not match. */
  #snapshotEvent(
    version: RecordVersion,
    now: UnixMillis,
    lease: WireLease | undefined,
    { group }: Subscription,
  ): Uint8Array | undefined {
    const fields = snapshotFields(version, now, lease);
    try {
      return group.matcher.matches(version.matchable) ? encodeEvent(fields, group.encoding) : undefined;
    } catch (error) {
      const { kind, id } = version;
      this.supervision.report('a record in a snapshot', error, { kind, id });
      return encodeEvent(unprocessable(fields), group.encoding);
    }
  }

  #piece({ remaining, group }: Subscription, turn: Turn): Piece {
    return new Piece(remaining, this.#pieceBytes, group.matcher.cost, turn);
  }

  /**
   * Returns the matching events of the history in one piece, and keeps it for the next subscriptions of the group. A piece that another
   * one was sent is used again, and continued if more has happened since.
   */
  #collect(subscription: Subscription, after: Revision, until: Revision, turn: Turn): HistoryPiece {
    const { group, remaining } = subscription;
    const kept = this.#past.find(group, after);
    const begun = kept && kept.matchedTo <= until && kept.count <= remaining ? kept : undefined;
    if (begun?.matchedTo === until) return begun;
    const piece = this.#piece(subscription, turn);
    for (const event of begun?.events ?? []) piece.add(event);
    let position: number = begun?.matchedTo ?? after;
    while (position < until && piece.beginNext()) {
      const event = this.hub.history.after(position);
      if (event === undefined || event.revision > until) {
        position = until;
        break;
      }
      position = event.revision;
      const view = event.viewFor(group.matcher);
      if (view !== undefined) piece.add(event.encoded(view, group.encoding));
    }
    if (position === begun?.matchedTo) return begun;
    const made = new HistoryPiece(group, after, revision(position), piece.events);
    if (kept === undefined || made.matchedTo > kept.matchedTo) this.#past.add(made);
    return made;
  }
}

/** For a filter that wants no snapshot. */
const NOTHING = { count: 0, frame: () => new Uint8Array() };

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
