import {
  connect,
  EVENT_TYPES,
  KINDS,
  type BusClient,
  type BusEvent,
  type ConnectOptions,
} from '../../../client/sdk/index.js';
import type { WireEvent } from '../../../protocol/index.js';
import type { Entry, ClientHistory, ClientFilter } from '../client-history.js';

/** The history of an application that uses the SDK: the SDK shows its marks, and hides its reconnections. */
export class SdkObserver implements ClientHistory {
  readonly entries: Entry[] = [];
  /** Awaited before each update is consumed: a slow application. */
  beforeEach: () => Promise<void> | undefined = () => undefined;
  events = 0;
  resyncs = 0;
  #epoch = '';
  #reached = 0;
  /** The events so far of an incomplete snapshot. */
  #snapshot: WireEvent[] | undefined = [];

  private constructor(
    readonly name: string,
    readonly filter: ClientFilter,
    private readonly bus: BusClient,
  ) {}

  static async connect(name: string, options: ConnectOptions, filter: ClientFilter = {}): Promise<SdkObserver> {
    const backoff = { firstMs: 10, longestMs: 50 };
    const observer = new SdkObserver(name, filter, await connect({ backoff, ...options }));
    void observer.#read();
    return observer;
  }

  hasReached(epoch: string, revision: number): boolean {
    return this.#snapshot === undefined && this.#epoch === epoch && this.#reached >= revision;
  }

  stop(): Promise<void> {
    return this.bus.close();
  }

  async #read(): Promise<void> {
    const subscription = this.bus.subscribe(this.filter);
    for await (const update of subscription.updates()) {
      await this.beforeEach();
      switch (update.type) {
        case 'resync':
          this.#snapshot = [];
          this.resyncs++;
          break;
        case 'synced':
          this.#synced(update.cursor);
          break;
        case 'event':
          this.#event(update.event);
          break;
      }
    }
  }

  #synced(cursor: string): void {
    const [epoch = '', revision = ''] = cursor.split(':');
    if (this.#snapshot) {
      this.entries.push({ is: 'connected', epoch, revision: 0 }, { is: 'subscribed', mode: 'snapshot', cursor });
      this.entries.push({ is: 'batch', events: this.#snapshot });
      this.#snapshot = undefined;
    }
    this.#epoch = epoch;
    this.#reached = Number(revision);
    this.entries.push({ is: 'synced', revision: this.#reached });
  }

  #event(event: BusEvent): void {
    this.events++;
    const wire = wireOf(event);
    if (this.#snapshot) {
      this.#snapshot.push(wire);
      return;
    }
    this.entries.push({ is: 'events', events: [wire] });
    this.#reached = event.revision;
  }
}

function wireOf({ revision, event_type, kind, id, timestamp, data, reason }: BusEvent): WireEvent {
  const head = [revision, EVENT_TYPES.indexOf(event_type), KINDS.indexOf(kind), id, Date.parse(timestamp), data];
  return [...head, ...(reason === undefined ? [] : [reason])] as unknown as WireEvent;
}
