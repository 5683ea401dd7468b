import { revision, type Revision } from '../protocol/index.js';
import type { Hub } from './delivery/hub.js';
import type { StreamState } from './relay/cold-start.js';
import { followMessage } from './relay/relay-message.js';
import type { Following } from './relay/stream-place.js';
import type { RecordReplica } from './store/record-replica.js';
import type { RecordVersion } from './store/record-version.js';
import type { StoreEvent } from './store/store-event.js';

export interface FollowedHubEvents {
  /** Called with events that the records have followed; they are to be published. Never empty. */
  events(events: readonly StoreEvent[]): void;
  /** Called when the hub has passed over revisions. */
  advanced(): void;
}

/** The records of an edge and their hub, which follow the stream of the origin. */
export class FollowedHub {
  /** How many records of a base were seen since the last event. */
  #confirmed = 0;

  constructor(
    private readonly hub: Hub,
    private readonly records: RecordReplica,
    private readonly listener: FollowedHubEvents,
  ) {}

  /** @throws Error if a message does not follow what is served, or shows that it is not what the origin has. */
  take(messages: readonly Following[]): void {
    let at = this.hub.revision;
    let events: StoreEvent[] = [];
    for (const message of messages) {
      const { position } = message;
      if (message.is === 'standing' || message.is === 'base') {
        if (position === at) this.#compare(message);
        continue;
      }
      // After NATS has lost its last messages, the origin sends events again that were already served here.
      if (position <= at) continue;
      this.#confirmed = 0;
      if (message.is === 'event') events.push(followMessage(message, this.records));
      else {
        // What was served here beyond that, before NATS lost it, is among what the origin knows nothing of.
        if (at !== message.after)
          throw new Error(`revision ${String(at)}, which is served, was lost by stream and origin`);
        this.#publish(events);
        events = [];
        this.#skip(position);
      }
      at = position;
    }
    this.#publish(events);
  }

  /**
   * Goes on to a state, if all that led to it from what is served is known. @returns whether it is.
   * @throws Error if an event does not follow what is served.
   */
  goOnTo(state: StreamState, history: readonly StoreEvent[]): boolean {
    const { hub, records } = this;
    if (hub.epoch !== state.epoch) return false;
    if (state.revision > hub.revision && !isPlace(history, hub.revision)) return false;
    let at = hub.revision;
    let events: StoreEvent[] = [];
    for (const event of history) {
      if (event.revision <= at) continue;
      if (event.revision > at + 1) {
        this.#publish(events);
        events = [];
        this.#skip(revision(event.revision - 1));
      }
      records.follow(event);
      events.push(event);
      at = event.revision;
    }
    this.#publish(events);
    this.#confirmed = 0;
    if (at > state.revision) return true;
    if (state.revision > at) this.#skip(state.revision);
    const { versions } = state;
    return versions.length === records.size && versions.every((version) => this.#isServed(version));
  }

  /** @throws Error if the records of a base, at the revision that is served, are not those that are served. */
  #compare(message: Extract<Following, { readonly is: 'standing' | 'base' }>): void {
    if (message.is === 'standing') {
      this.#confirmed++;
      const { version } = message;
      if (this.#isServed(version)) return;
      throw new Error(`the origin has another ${version.kind} ${version.id}`);
    }
    const isWhole = this.#confirmed === message.records;
    this.#confirmed = 0;
    if (isWhole && this.records.size !== message.records)
      throw new Error('the origin does not have all records that are served');
  }

  #isServed(version: RecordVersion): boolean {
    const { kind, id, revision, problem } = version;
    const served = this.records.get(kind, id);
    if (served?.revision !== revision) return false;
    // One that did not fit into its message says less than what is served.
    return problem === 'unreadable' || version.hasContentOf(served);
  }

  #publish(events: readonly StoreEvent[]): void {
    if (events.length > 0) this.listener.events(events);
  }

  #skip(to: Revision): void {
    this.records.skip(to);
    this.hub.skip(to);
    this.listener.advanced();
  }
}

/** Whether all that followed a revision is among these events: it is that of one of them, or the one before one. */
const isPlace = (events: readonly StoreEvent[], at: Revision): boolean =>
  events.some((event) => event.revision === at || event.revision === at + 1);
