import { MessageType, revision, type EventOrigin, type ServerMessage } from '../../protocol/index.js';
import type { BusError } from './bus-error.js';
import type { Subscriber } from './subscriber.js';

/** One subscription on the wire. */
interface Route {
  readonly sub: number;
  readonly subscriber: Subscriber;
  group: number | undefined;
  /** Index of the group's next event; `undefined` before the synced mark. */
  next: number | undefined;
}

type MessageOf<Type extends ServerMessage[0]> = Extract<ServerMessage, readonly [Type, ...unknown[]]>;

/** The messages of a server about one subscription. */
export type RoutedMessage = MessageOf<
  | typeof MessageType.subscribed
  | typeof MessageType.batch
  | typeof MessageType.synced
  | typeof MessageType.events
  | typeof MessageType.complete
  | typeof MessageType.resync
>;

/**
 * The subscriptions of a client, and the number and group of each on the current connection. Each new connection subscribes all of them
 * again. The groups' indices prove that no event is missing.
 */
export class Routes {
  readonly #subscribers = new Set<Subscriber>();
  readonly #routes = new Map<number, Route>();
  readonly #groups = new Map<number, Route>();
  /** The origin of the events of the current connection; `undefined` while there is none. */
  #origin: EventOrigin | undefined;
  #nextSub = 1;

  /** @param refusal returns why a message must not be sent; `undefined` if it may. */
  constructor(
    private readonly send: (message: readonly unknown[]) => void,
    private readonly refusal: (message: readonly unknown[]) => BusError | undefined,
  ) {}

  /** Subscribes now, or as soon as there is a connection. */
  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    if (this.#origin) this.#subscribe(subscriber);
  }

  /** Ends a subscription; it receives nothing more. */
  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    for (const route of this.#routes.values()) {
      if (route.subscriber !== subscriber) continue;
      this.send([MessageType.unsubscribe, route.sub]);
      this.#forget(route);
    }
  }

  /** Called when the client is connected: subscribes everything. */
  begin(origin: EventOrigin): void {
    this.#origin = origin;
    for (const subscriber of [...this.#subscribers]) this.#subscribe(subscriber);
  }

  /** Called when the connection broke and the client reconnects. */
  interrupt(): void {
    if (!this.#origin) return;
    this.#leave();
    for (const subscriber of this.#subscribers) subscriber.interrupted();
  }

  /** Called when the client closes: ends every subscription with an error. */
  end(error: BusError): void {
    this.#leave();
    for (const subscriber of [...this.#subscribers]) subscriber.failed(error);
    this.#subscribers.clear();
  }

  /** Called for a heartbeat: the server has sent everything up to this revision and time. */
  mark(upTo: number, serverNow: number): void {
    for (const { subscriber, next } of this.#routes.values())
      if (next !== undefined) subscriber.mark(revision(upTo), serverNow);
  }

  refuse(sub: number, error: BusError): void {
    const route = this.#routes.get(sub);
    if (!route) return;
    this.#drop(route);
    route.subscriber.failed(error);
  }

  /** @returns which events are missing, if any are: then this connection cannot be used any more. */
  take(message: RoutedMessage): string | undefined {
    const route = (message[0] === MessageType.events ? this.#groups : this.#routes).get(message[1]);
    if (!route) return undefined;
    const { subscriber } = route;
    switch (message[0]) {
      case MessageType.subscribed:
        route.group = message[2];
        this.#groups.set(message[2], route);
        subscriber.began(message[3], message[5]);
        return undefined;
      case MessageType.batch:
        subscriber.events(message[3], this.#origin!);
        return undefined;
      case MessageType.synced:
        route.next = message[3];
        subscriber.synced(revision(message[2]), this.#origin!);
        return undefined;
      case MessageType.events: {
        const [, , index, events] = message;
        if (index !== route.next) return `events ${String(route.next)} to ${String(index - 1)} are missing`;
        route.next = index + events.length;
        subscriber.events(events, this.#origin!);
        return undefined;
      }
      case MessageType.resync:
        route.next = undefined;
        subscriber.resync(message[2]);
        return undefined;
      case MessageType.complete:
        // A server that shuts down completes every subscription. The client did not end them, so the next connection continues them.
        if (message[2] === 'shutdown') this.#forget(route);
        else {
          this.#drop(route);
          subscriber.completed(message[2], message[3]);
        }
        return undefined;
    }
  }

  #subscribe(subscriber: Subscriber): void {
    const sub = this.#nextSub++;
    const message = [MessageType.subscribe, sub, subscriber.request()] as const;
    const refusal = this.refusal(message);
    if (refusal) {
      this.#subscribers.delete(subscriber);
      subscriber.failed(refusal);
      return;
    }
    this.#routes.set(sub, { sub, subscriber, group: undefined, next: undefined });
    this.send(message);
  }

  #leave(): void {
    this.#origin = undefined;
    this.#routes.clear();
    this.#groups.clear();
  }

  #drop(route: Route): void {
    this.#forget(route);
    this.#subscribers.delete(route.subscriber);
  }

  #forget(route: Route): void {
    this.#routes.delete(route.sub);
    if (route.group !== undefined && this.#groups.get(route.group) === route) this.#groups.delete(route.group);
  }
}
