/**
 * A bus for tests, in process: no files, no port, a clock to turn and a connection to drop.
 *
 *     const fake = new FakeBus();
 *     const bus = await fake.connect();
 *     fake.put('reservation', 'r1', { run_id: 'agent-1', expires_at: fake.clock.inFuture(60_000) });
 *     fake.clock.advance(60_000); // the lease lapses
 */
import type { Kind, Problem, RecordData, UnixMillis } from '../../protocol/index.js';
import { MemoryBus, systemClock, type Clock, type MemoryBusOptions } from '../../server/index.js';
import type { BusClient, ClientOptions } from './bus-client.js';
import { inProcessLine } from './in-process-channel.js';
import { opened } from './opened.js';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** A clock that stands still until it is turned. It starts at 2026-01-01T00:00:00Z. */
export class TurnableClock implements Clock {
  readonly #timers = new Set<Timer>();
  #elapsed = 0;

  now(): UnixMillis {
    return (Date.UTC(2026, 0, 1) + this.#elapsed) as UnixMillis;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + Math.max(0, delayMs), call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Turns of the event loop take no time, and come by themselves. */
  nextTurn(call: () => void): () => void {
    return systemClock.nextTurn(call);
  }

  /** A moment so many milliseconds from now, as records write it. */
  inFuture(ms: number): string {
    return new Date(this.now() + ms).toISOString();
  }

  /** Lets time pass; every timer fires at its own moment. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.call();
    }
    this.#elapsed = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}

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
