import { mkdirSync } from 'node:fs';
import { MessageType, toBusEvent, type BusEvent, type WireEvent } from '../../protocol/index.js';
import { Bus, resolveOptions, systemClock, type Clock, type ServerOptions } from '../../server/index.js';
import { PrivateDirectory, stateLocation } from '../../server/repository/index.js';
import { FakeSocket } from './fake-socket.js';
import { RecordingLog } from './journal-log.js';
import { until } from './until.js';

/** What a subscription with `since` receives until it is live. */
export interface Resumed {
  readonly mode: string;
  readonly why: string | undefined;
  readonly events: readonly BusEvent[];
}

/** One bus on a repository, without a port, from its start to its stop. */
export class Run {
  readonly log = new RecordingLog();
  readonly bus: Bus;
  #state: PrivateDirectory | undefined;

  constructor(
    private readonly root: string,
    options: Partial<ServerOptions> = {},
    clock: Clock = systemClock,
  ) {
    this.bus = new Bus(resolveOptions({ ...options, root }), clock, this.log);
  }

  static async on(root: string, options: Partial<ServerOptions> = {}, clock: Clock = systemClock): Promise<Run> {
    const run = new Run(root, options, clock);
    await run.bus.start(() => run.#openState());
    return run;
  }

  get cursor(): string {
    return `${this.bus.hub.epoch}:${String(this.bus.hub.revision)}`;
  }

  get epoch(): string {
    return this.bus.hub.epoch;
  }

  async reaches(position: number): Promise<void> {
    await until(`revision ${String(position)} is reached`, () => this.bus.hub.revision >= position);
  }

  async resume(since: string, options: object = {}): Promise<Resumed> {
    const socket = new FakeSocket('json');
    const connection = this.bus.attach(socket, 'json');
    connection.message(Buffer.from(JSON.stringify([MessageType.subscribe, 1, { since, ...options }])), false);
    // How much of it comes at once depends on the time that the turn has left.
    await until('the subscription is live', () => socket.messages.some(([type]) => type === MessageType.synced));
    const { messages } = socket;
    connection.closed();
    const subscribed = messages.find(([type]) => type === MessageType.subscribed)!;
    const batches = messages.filter(([type]) => type === MessageType.batch || type === MessageType.events);
    const origin = { schemaVersion: '', epoch: this.bus.hub.epoch };
    const events = batches.flatMap((batch) => (batch[3] as WireEvent[]).map((wire) => toBusEvent(wire, origin)));
    return { mode: subscribed[3] as string, why: subscribed[5] as string | undefined, events };
  }

  async stop(): Promise<void> {
    await this.bus.stop();
    this.#state?.close();
  }

  #openState(): PrivateDirectory {
    const { all, key } = stateLocation(this.root);
    mkdirSync(all, { recursive: true, mode: 0o700 });
    return (this.#state ??= PrivateDirectory.within(all, key));
  }
}

/** The fields of events that most tests compare. */
export function brief(events: readonly BusEvent[]): (readonly unknown[])[] {
  return events.map(({ event_type, id, reason, observed }) => [event_type, id, reason, observed]);
}
