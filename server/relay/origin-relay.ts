import { MessageType, readClientMessage, type Kind, type RecordName, type WatchHealth } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { systemRandom, type RandomBytes } from '../runtime/random.js';
import { readAlive, type AliveMessage } from './alive-message.js';
import { identityOf, type Identity, type ProcessPlace } from './identity.js';
import { connectWithRetry } from './connect-with-retry.js';
import { readJson, type Broker, type BrokerMessage, type ConnectBroker } from './broker.js';
import { connectNatsBroker } from './nats-broker.js';
import { waitingIn, type Published, type Waiting } from './outbox.js';
import { NO_FAILURES, type PublisherFailures, type ToldState } from './publisher-state.js';
import { Publisher } from './publisher.js';
import { PayloadLimit } from './payload-limit.js';
import { Refusals } from './refusals.js';
import { RelayNames } from './relay-names.js';
import type { OriginSeal } from './seal.js';
import type { ResolvedRelay } from '../config/relay-options.js';

/** A question of an edge to the origin. */
export type Question =
  | { readonly ask: 'who' }
  /** Makes the origin read a record, or everything, now. */
  | { readonly ask: 'sync'; readonly kind?: Kind; readonly id?: string }
  /** Asks for a base, because an edge has found none that it can begin with. */
  | { readonly ask: 'base' };

/** How far an origin has read. Since 1.1 the answer is a sign of life, too. */
export type SyncAnswer = Pick<AliveMessage, 'epoch' | 'revision'> & Partial<AliveMessage>;

export interface RelaySource extends Published {
  health(): WatchHealth;
  readNow(record: RecordName | undefined): Promise<void>;
  /** Publishes records that have not changed as modified, because edges were told too little of them. */
  republish(records: readonly RecordName[]): void;
}

export interface RelayHealth {
  readonly state: 'connecting' | ToldState;
  /** Why nothing is published; `undefined` while it is. */
  readonly why: string | undefined;
  /** Events that NATS does not have yet. */
  readonly behind: number;
  /** The sequence of the last message that the stream has acknowledged; 0 before the first. */
  readonly sequence: number;
  /** How long the oldest of those events has been waiting, milliseconds; 0 if none waits. */
  readonly behindMs: number;
  readonly claims: number;
  /** How often NATS was found again after it was lost. */
  readonly reconnects: number;
  /** Failed claims and messages, by why. */
  readonly failures: PublisherFailures;
}

export interface OriginRelayServices {
  readonly options: ResolvedRelay;
  readonly root: string;
  readonly source: RelaySource;
  readonly maxRecordBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Signs what is sent. @default nothing is signed */
  readonly seal?: OriginSeal | undefined;
  /** @default the system's */
  readonly random?: RandomBytes;
  /** @default connects to NATS */
  readonly connect?: ConnectBroker;
  /** The process and host to claim the stream as. @default this process and this host */
  readonly place?: ProcessPlace;
}

const ORIGIN_RANDOM_BYTES = 9;

const nameOf = (random: Uint8Array): string => Buffer.from(random).toString('base64url');

/** The origin's side of the relay. It publishes events, sends heartbeats, and answers edges. */
export class OriginRelay {
  readonly names: RelayNames;
  readonly #identity: Identity;
  #publisher: Publisher | undefined;
  #broker: Broker | undefined;
  #stopAnswering: (() => void) | undefined;
  #cancelAlive: (() => void) | undefined;
  #payload: PayloadLimit | undefined;
  #isStopped = false;
  #reconnects = 0;
  #beats = 0;
  /** Why NATS has not been reached yet. */
  #unreached: string | undefined;
  readonly #refusals: Refusals;
  /** Whether NATS is connected. */
  isConnected = false;

  constructor(private readonly services: OriginRelayServices) {
    this.names = new RelayNames(services.options.repository);
    const { random = systemRandom, root, place } = services;
    this.#refusals = new Refusals(services.clock, services.log);
    this.#identity = identityOf(nameOf(random(ORIGIN_RANDOM_BYTES)), root, place);
  }

  get health(): RelayHealth {
    const publisher = this.#publisher;
    const reconnects = this.#reconnects;
    if (publisher) {
      const { state, why, sequence, claims, failures } = publisher;
      return { state, why, ...this.#behind(publisher.waiting), sequence, claims, reconnects, failures };
    }
    const state = this.#isStopped ? 'stopped' : 'connecting';
    const behind = this.#behind(waitingIn(this.services.source, undefined));
    return { state, why: this.#unreached, ...behind, sequence: 0, claims: 0, reconnects, failures: NO_FAILURES };
  }

  #behind({ behind, oldest }: Waiting): Pick<RelayHealth, 'behind' | 'behindMs'> {
    return { behind, behindMs: oldest ? Math.max(0, this.services.clock.now() - oldest.time) : 0 };
  }

  /** The key that edges check messages with; `undefined` if nothing is signed. */
  get publicKey(): string | undefined {
    return this.services.seal?.publicKey;
  }

  get published(): number {
    return this.#publisher?.published ?? 0;
  }

  /**
   * Connects to NATS, however long that takes, and begins to publish.
   * @throws RelayTakenError if another origin publishes the repository; OptionError if a new attempt to connect cannot succeed.
   */
  async start(): Promise<void> {
    const { options, source, clock, log, connect = connectNatsBroker } = this.services;
    const isOver = (): boolean => this.#isStopped;
    const failed = (why: string): void => void (this.#unreached = why);
    const patience = { connect, clock, log, isOver, failed, gives: 'never-up' } as const;
    const name = `muse-bus origin of ${options.repository}`;
    const broker = await connectWithRetry(options.access, name, patience);
    if (!broker) return;
    this.#broker = broker;
    this.isConnected = true;
    const publisher = new Publisher({
      broker,
      names: this.names,
      limits: options.limits,
      clock,
      log,
      identity: this.#identity,
      source,
      seal: this.services.seal,
      random: this.services.random ?? systemRandom,
      refusals: this.#refusals,
      claimed: (isOurs) => {
        if (isOurs) this.#answer(broker);
        else this.#stopAnswering?.();
      },
    });
    this.#publisher = publisher;
    this.#checkSizes(broker);
    const { bound } = publisher;
    this.#payload = new PayloadLimit(() => connect(options.access, name), { broker, clock, log, bound });
    this.#payload.start();
    broker.subscribe(this.names.alive, ({ data }) => {
      const alive = readAlive(readJson(data));
      if (alive && alive.origin !== this.#identity.origin) publisher.heardAnother();
    });
    broker.watchConnection(
      (state) => {
        this.isConnected = state === 'back';
        if (state === 'broken') publisher.disconnected();
        else {
          this.#reconnects++;
          this.#refusals.over();
          publisher.reconnected();
        }
      },
      (why) => {
        this.#refusals.note(why);
      },
    );
    try {
      await publisher.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (!this.#isStopped) this.#beat();
  }

  /** Called when events have been published to the origin's own clients. */
  wake(): void {
    this.#publisher?.wake();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelAlive?.();
    this.#stopAnswering?.();
    this.#publisher?.stop();
    this.#payload?.stop();
    await this.#broker?.close();
  }

  /** Warns if the largest message may not fit. A message holds a record before and after its change. */
  #checkSizes({ maxPayloadBytes: most = Infinity }: Broker): void {
    const { maxRecordBytes, log } = this.services;
    if (2 * maxRecordBytes + 4_096 <= most) return;
    log.warn(
      { max_payload: most, max_record_bytes: maxRecordBytes },
      'a change of the largest record does not fit into a message of this NATS: raise its max_payload, or lower max_record_bytes',
    );
  }

  #beat(): void {
    const { options, clock } = this.services;
    this.#cancelAlive = clock.after(options.aliveMs, () => {
      this.#beat();
    });
    const { source } = this.services;
    const publisher = this.#publisher!;
    publisher.tendBase();
    if (publisher.state === 'publishing') source.republish(publisher.bound.takeFitting());
    this.#sendHeartbeat();
  }

  #sendHeartbeat(): void {
    if (this.#publisher?.state !== 'publishing') return;
    try {
      this.#broker!.publish(this.names.alive, this.#signed(this.names.alive, this.#alive()));
    } catch (error) {
      // A broker may take no message of its size.
      this.#refusals.note((error as Error).message);
    }
  }

  #signed(subject: string, message: object): string {
    return this.services.seal?.sealJson(subject, message) ?? JSON.stringify(message);
  }

  /** A barrier's answer is this, too: what was on disk is judged by the origin's clock, and by what it could see. */
  #alive(): AliveMessage {
    const { options, source, clock } = this.services;
    return {
      origin: this.#identity.origin,
      epoch: source.epoch,
      revision: source.history.newest,
      now: clock.now(),
      alive_ms: options.aliveMs,
      health: source.health(),
      beat: ++this.#beats,
      up: Math.max(0, Math.round(clock.elapsed())),
    };
  }

  #answer(broker: Broker): void {
    this.#stopAnswering?.();
    this.#stopAnswering = broker.subscribe(this.names.ask, (message) => {
      this.#answerQuestion(message);
    });
    this.#sendHeartbeat();
  }

  #answerQuestion(message: BrokerMessage): void {
    const question = readJson(message.data) as Question | undefined;
    if (!question) return;
    void this.#reply(question)
      .then((answer) => {
        message.respond(
          question.ask === 'sync' && answer ? this.#signed(this.names.ask, answer) : JSON.stringify(answer),
        );
      })
      .catch((failure: unknown) => {
        this.services.log.warn({ err: failure }, "an edge's question could not be answered");
      });
  }

  async #reply(question: Question): Promise<object | null> {
    const { source } = this.services;
    switch (question.ask) {
      case 'who':
        return this.#identity;
      case 'base':
        if (this.#publisher?.giveBase() === true) {
          this.services.log.info({}, 'an edge has found no base in the stream; all records are sent again');
        }
        return {};
      case 'sync': {
        // Any client of NATS may send a question, so kind and id are checked as in a client's message.
        const asked = readClientMessage([MessageType.sync, 0, question.kind, question.id]);
        if (asked.type === 'refused') throw new Error(asked.message);
        if (asked.type === 'sync') await source.readNow(asked.record);
        return this.#alive();
      }
      default:
        return null;
    }
  }
}
