import { pauseMs, type ClockReading } from '../../protocol/index.js';
import { every, readClocks, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { READY, unready, type Readiness } from '../runtime/readiness.js';
import type { AliveMessage } from './alive-message.js';
import type { Broker } from './broker.js';
import { Freshness, type Served } from './freshness.js';
import { Refusals } from './refusals.js';

/** How often a change that no message tells, such as silence, is looked for. */
const LOOK_MS = 1_000;
/** For how long a heartbeat that was not signed explains that the origin is away. */
const UNSIGNED_MS = 5_000;
const LOST = 'NATS is lost';
const UNSIGNED = 'heartbeats come that are not signed with a key that was given (--relay-public-key)';

export interface EdgeConditionServices {
  readonly clock: Clock;
  readonly log: Log;
  /** How old what is served may be. */
  readonly maxStalenessMs: number;
  readonly isOriginPresent: () => boolean;
  /** What is served; `undefined` before the first records. */
  readonly served: () => Served | undefined;
  /** The sequence of the last message that was read. */
  readonly sequence: () => number;
  /** Why the stream is not followed; `undefined` while it is, or nothing has failed. */
  readonly failure: () => string | undefined;
}

/** What an edge says about itself: whether it may be given clients, how old its records may be, and a line in the log for each change. */
export class EdgeCondition {
  /** How often NATS was found again after it was lost. */
  reconnects = 0;
  #nats: 'never' | 'up' | 'lost' = 'never';
  #unreached = 'NATS has not answered yet';
  readonly #freshness = new Freshness();
  #logged: { readonly isPresent: boolean; readonly why: string | undefined } = { isPresent: false, why: undefined };
  #cancel: () => void = () => undefined;

  /** When a heartbeat was heard that was not signed with a key of this edge, by the monotonic clock. */
  #unsignedAt = -Infinity;
  readonly #refusals: Refusals;
  /** Both clocks at the last look. */
  #looked: ClockReading;

  constructor(private readonly services: EdgeConditionServices) {
    const { clock, log } = services;
    this.#refusals = new Refusals(clock, log);
    this.#looked = readClocks(clock);
  }

  start(): void {
    this.#logged = { isPresent: false, why: this.#why };
    this.#cancel = every(this.services.clock, LOOK_MS, () => {
      this.#look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  connected(): void {
    const { log } = this.services;
    if (this.#nats === 'lost') {
      this.reconnects++;
      log.info({ reconnects: this.reconnects }, 'connected to NATS again');
    }
    this.#nats = 'up';
    this.#refusals.over();
  }

  /** Notes why NATS has not been reached yet. */
  unreached(why: string): void {
    this.#unreached = why;
  }

  disconnected(): void {
    if (this.#nats === 'up')
      this.services.log.warn({}, 'the connection to NATS is lost; it is retried until NATS answers');
    this.#nats = 'lost';
  }

  /** Notes what becomes of the connection from now on, and tells the stream. */
  watch(broker: Pick<Broker, 'watchConnection'>, stream: { disconnected(): void; reconnected(): void }): void {
    broker.watchConnection(
      (state) => {
        if (state === 'broken') {
          this.disconnected();
          stream.disconnected();
        } else {
          this.connected();
          stream.reconnected();
        }
      },
      (why) => {
        this.#refusals.note(why);
      },
    );
  }

  /** Notes a heartbeat that was not signed with a key of this edge: the origin may have another one. */
  heardUnsigned(): void {
    this.#unsignedAt = this.services.clock.elapsed();
  }

  /** Notes a heartbeat that was heard now. @param lateMs for how long it was held up on its way. */
  heard(alive: AliveMessage, lateMs: number): void {
    this.#note(alive, this.services.clock.elapsed() - lateMs);
  }

  /** Notes an answer to a question of this edge. What it says was true after the question was asked. */
  answered(alive: AliveMessage, askedAt: number): void {
    this.#note(alive, askedAt);
  }

  #note({ epoch, revision }: AliveMessage, at: number): void {
    this.#noticeSleep();
    this.#freshness.heard({ epoch, revision, at }, this.services.served());
    this.#look();
  }

  /** Called when more is served, or something else. */
  advanced(): void {
    const served = this.services.served();
    if (served) this.#freshness.reached(served);
  }

  /** What NATS refuses now; `undefined` if it refuses nothing. */
  get refusal(): string | undefined {
    return this.#refusals.recent;
  }

  get isConnected(): boolean {
    return this.#nats === 'up';
  }

  /** How old what is served may be, milliseconds; `undefined` while that is not known. */
  get staleMs(): number | undefined {
    this.#noticeSleep();
    return this.#freshness.staleMs(this.services.clock.elapsed());
  }

  get readiness(): Readiness {
    const why = this.#why;
    return why === undefined ? READY : unready(why);
  }

  get #why(): string | undefined {
    const { served, isOriginPresent, maxStalenessMs } = this.services;
    if (!served()) return this.#nats === 'up' ? `there are no records yet${this.#because}` : this.#away;
    const { staleMs } = this;
    if (staleMs !== undefined && staleMs <= maxStalenessMs) return undefined;
    const cause =
      this.#nats === 'lost' ? this.#away : isOriginPresent() ? `events are missing${this.#because}` : this.#originAway;
    if (staleMs === undefined) return `it is not known how old the records are: ${cause}`;
    return `the records may be older than ${String(maxStalenessMs / 1_000)} s (--max-staleness): ${cause}`;
  }

  /** Why nothing arrives; `undefined` if that is not known here. */
  get obstacle(): string | undefined {
    return this.#refused ?? (this.#nats === 'lost' ? LOST : this.services.failure());
  }

  get #away(): string {
    return this.#refused ?? (this.#nats === 'lost' ? LOST : this.#unreached);
  }

  get #refused(): string | undefined {
    return this.refusal === undefined ? undefined : `NATS refuses: ${this.refusal}`;
  }

  get #because(): string {
    const why = this.obstacle;
    return why === undefined ? '' : `: ${why}`;
  }

  get #originAway(): string {
    return this.#isUnsigned ? `the origin is away: ${UNSIGNED}` : `the origin is away${this.#because}`;
  }

  get #isUnsigned(): boolean {
    return this.services.clock.elapsed() - this.#unsignedAt <= UNSIGNED_MS;
  }

  /** What was known before a sleep is as much older. A clock that was set ahead looks the same, until the next heartbeat. */
  #noticeSleep(): void {
    const now = readClocks(this.services.clock);
    const uncountedMs = pauseMs(this.#looked, now, now.elapsed - this.#looked.elapsed);
    this.#looked = now;
    if (uncountedMs > 0) this.#freshness.aged(uncountedMs);
  }

  #look(): void {
    const { log, sequence, isOriginPresent } = this.services;
    const before = this.#logged;
    const now = { isPresent: isOriginPresent(), why: this.#why };
    this.#logged = now;
    const fields = { sequence: sequence(), stale_ms: this.staleMs === undefined ? null : Math.round(this.staleMs) };
    if (now.isPresent !== before.isPresent) {
      if (now.isPresent) log.info(fields, 'the origin is present');
      else log.warn(fields, `the origin is away: ${this.#isUnsigned ? UNSIGNED : 'no heartbeats arrive'}`);
    }
    if (now.why === before.why) return;
    if (now.why === undefined) log.info(fields, 'ready for clients');
    else log.warn(fields, `not ready: ${now.why}`);
  }
}
