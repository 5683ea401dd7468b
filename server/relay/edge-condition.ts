import { pauseMs, type ClockReading } from '../../protocol/index.js';
import { every, readClocks, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { READY, unready, type Readiness } from '../runtime/readiness.js';
import type { AliveMessage } from './alive-message.js';
import type { Broker } from './broker.js';
import { BrokerContact } from './broker-contact.js';
import { Freshness, type Served } from './freshness.js';
import type { HeardInstead } from './origin-link.js';
import { ReportedReasons } from './reported-reasons.js';

/** How often a change that no message tells, such as silence, is looked for. */
const LOOK_MS = 1_000;
/** For how long what was heard in place of a heartbeat explains that the origin is away. */
const EXPLAINS_MS = 5_000;
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
  /** Makes another connection to NATS. */
  readonly connect: () => Promise<Pick<Broker, 'close'>>;
}

/** What an edge says about itself: whether it may be given clients, how old its records may be, and a line in the log for each change. */
export class EdgeCondition implements HeardInstead {
  readonly contact: BrokerContact;
  readonly #freshness = new Freshness();
  #logged: { readonly isPresent: boolean; readonly why: string | undefined } = { isPresent: false, why: undefined };
  #cancel: () => void = () => undefined;
  /** What was heard last in place of a heartbeat, by the monotonic clock. */
  #instead: { readonly why: string; readonly at: number } | undefined;
  #wasHeard = false;
  readonly #reported = new ReportedReasons();
  /** Both clocks at the last look. */
  #looked: ClockReading;

  constructor(private readonly services: EdgeConditionServices) {
    this.contact = new BrokerContact(services.connect, services);
    this.#looked = readClocks(services.clock);
  }

  start(): void {
    this.#logged = { isPresent: false, why: this.#why };
    this.#cancel = every(this.services.clock, LOOK_MS, () => {
      this.#look();
    });
  }

  stop(): void {
    this.#cancel();
    this.contact.stop();
  }

  /** Notes that NATS has been reached, and tells the stream what becomes of the connection from now on. */
  watch(broker: Pick<Broker, 'watchConnection'>, stream: { disconnected(): void; reconnected(): void }): void {
    const { log } = this.services;
    this.contact.begins(broker, {
      lost: () => {
        log.warn({}, 'the connection to NATS is lost; it is retried until NATS answers');
        stream.disconnected();
      },
      back: () => {
        log.info({ reconnects: this.contact.reconnects }, 'connected to NATS again');
        stream.reconnected();
      },
    });
  }

  /** Notes a heartbeat that was not signed with a key of this edge: the origin may have another one. */
  heardUnsigned(): void {
    this.#heardInstead(UNSIGNED);
  }

  /** Notes that the origin lives, and why it publishes nothing. */
  heardSilent(why: string): void {
    this.#heardInstead(`it lives and publishes nothing: ${why}`);
  }

  #heardInstead(why: string): void {
    this.#instead = { why, at: this.services.clock.elapsed() };
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
    this.#wasHeard = true;
    this.#noticeSleep();
    this.#freshness.heard({ epoch, revision, at }, this.services.served());
    this.#look();
  }

  /** Called when more is served, or something else. */
  advanced(): void {
    const served = this.services.served();
    if (served) this.#freshness.reached(served);
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
    if (!served()) return this.contact.isUp ? `there are no records yet${this.#because}` : this.#unreached;
    const { staleMs } = this;
    if (staleMs !== undefined && staleMs <= maxStalenessMs) return undefined;
    const cause = !this.contact.isUp
      ? this.#unreached
      : isOriginPresent()
        ? `events are missing${this.#because}`
        : this.#originAway;
    if (staleMs === undefined) return `it is not known how old the records are: ${cause}`;
    return `the records may be older than ${String(maxStalenessMs / 1_000)} s (--max-staleness): ${cause}`;
  }

  /** Why nothing arrives; `undefined` if that is not known here. */
  get obstacle(): string | undefined {
    return this.#refused ?? this.contact.why ?? this.services.failure();
  }

  get #unreached(): string {
    return this.#refused ?? this.contact.why ?? 'NATS has not answered yet';
  }

  get #refused(): string | undefined {
    const { recent } = this.contact.refusals;
    return recent === undefined ? undefined : `NATS refuses: ${recent}`;
  }

  get #because(): string {
    const why = this.obstacle;
    return why === undefined ? '' : `: ${why}`;
  }

  get #originAway(): string {
    const why = this.#explained;
    if (why !== undefined) return `the origin is away: ${why}`;
    return this.#wasHeard ? `the origin is away${this.#because}` : `the origin has not been heard yet${this.#because}`;
  }

  /** What was heard in place of a heartbeat lately. */
  get #explained(): string | undefined {
    const last = this.#instead;
    return last && this.services.clock.elapsed() - last.at <= EXPLAINS_MS ? last.why : undefined;
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
      else log.warn(fields, `the origin is away: ${this.#explained ?? 'no heartbeats arrive'}`);
    }
    if (now.why === before.why) return;
    if (now.why === undefined) {
      this.#reported.clear();
      log.info(fields, 'ready for clients');
      return;
    }
    // What differs in a number only is the same reason.
    if (this.#reported.add(now.why.replaceAll(/\d+/g, '#'))) log.warn(fields, `not ready: ${now.why}`);
  }
}
