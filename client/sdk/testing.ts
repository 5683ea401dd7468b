/**
 * A bus for tests, in process: no files, no port, a clock to turn and a connection to drop.
 *
 *     const fake = new FakeBus();
 *     const bus = await fake.connect();
 *     fake.put('reservation', 'r1', { run_id: 'agent-1', expires_at: fake.clock.inFuture(60_000) });
 *     fake.clock.advance(60_000); // the lease lapses
 */
import type { Kind, Problem, RecordData } from '../../protocol/index.js';
import { MemoryBus, type MemoryBusOptions } from '../../server/index.js';
import type { BusClient, ClientOptions } from './bus-client.js';
import { inProcessLine } from './in-process-channel.js';
import { opened } from './opened.js';
import { TurnableClock } from './turnable-clock.js';

export { TurnableClock };

export class FakeBus {
  readonly clock = new TurnableClock();
  readonly #bus: MemoryBus;
  readonly #line;

  constructor(options: MemoryBusOptions = {}) {
    this.#bus = new MemoryBus(this.clock, options);
    this.#line = inProcessLine(this.#bus);
    this.#bus.start();
  }

  /** A client of this bus, connected, on this bus's clock. */
  connect(options: ClientOptions = {}): Promise<BusClient> {
    return opened(this.#line.dial, { clock: this.clock, random: () => 0, ...options });
  }

  /** A record appears, or changes. */
  put(kind: Kind, id: string, data: RecordData): void {
    this.#bus.put(kind, id, data);
  }

  remove(kind: Kind, id: string): void {
    this.#bus.remove(kind, id);
  }

  /** A record's file can no longer be read. */
  spoil(kind: Kind, id: string, problem?: Problem): void {
    this.#bus.spoil(kind, id, problem);
  }

  /** Every connection breaks. Clients dial again when the clock is turned past their wait. */
  drop(): void {
    this.#line.cut();
  }

  /** The server goes away for good: every connection ends, and clients that dial again reach nobody. */
  stop(): void {
    this.#bus.stop();
    this.#line.end();
  }
}
