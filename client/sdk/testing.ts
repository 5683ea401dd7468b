/**
 * A bus for tests, in this process. It uses no files and no port. The test advances its clock and breaks its connections.
 *
 *     const fake = new FakeBus();
 *     const bus = await fake.connect();
 *     fake.put('reservation', 'r1', { run_id: 'agent-1', expires_at: fake.clock.inFuture(60_000) });
 *     fake.clock.advance(60_000); // the lease lapses
 */
import {
  FILTER_LIMITS,
  recordIdFault,
  recordIdFaultText,
  type Kind,
  type Problem,
  type RecordData,
} from '../../protocol/index.js';
import { MemoryBus, type MemoryBusOptions } from '../../server/index.js';
import type { BusClient, ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import { inProcessLine } from './in-process-channel.js';
import { readKind } from './record-name.js';
import { opened } from './opened.js';
import { shown } from './option-table.js';
import { ManualClock } from './manual-clock.js';

export { ManualClock };

/** A bus in memory whose records, clock and connections a test controls. */
export class FakeBus {
  /** The clock of the bus and of its clients. */
  readonly clock = new ManualClock();
  readonly #bus: MemoryBus;
  readonly #line;

  constructor(options: MemoryBusOptions = {}) {
    this.#bus = new MemoryBus(this.clock, options);
    this.#line = inProcessLine(this.#bus);
    this.#bus.start();
  }

  /** Returns a connected client that uses the clock of this bus. @throws BusError as `connect` does. */
  connect(options: ClientOptions = {}): Promise<BusClient> {
    return opened(this.#line.dial, { clock: this.clock, random: () => 0, ...options });
  }

  /** Adds or changes a record. @throws BusError `bad-option` for an id that no file has: a server would never show it. */
  put(kind: Kind, id: string, data: RecordData): void {
    const fault = recordIdFault(id, FILTER_LIMITS.maxIdBytes);
    if (fault !== undefined) {
      const why = recordIdFaultText(fault, FILTER_LIMITS.maxIdBytes);
      throw new BusError('bad-option', `put: no record has this id: ${shown(id)} ${why}`, '');
    }
    this.#bus.put(readKind(kind, 'put'), id, data);
  }

  /** Removes a record. */
  remove(kind: Kind, id: string): void {
    this.#bus.remove(kind, id);
  }

  /** Makes a record unreadable, as if its file were broken. */
  corrupt(kind: Kind, id: string, problem?: Problem): void {
    this.#bus.corrupt(kind, id, problem);
  }

  /** Breaks every connection. Clients reconnect when the clock is advanced past their backoff. */
  drop(): void {
    this.#line.cut();
  }

  /** Stops the server for good: ends every connection; later attempts to connect fail with `unreachable`. */
  stop(): void {
    this.#bus.stop();
    this.#line.end();
  }
}
