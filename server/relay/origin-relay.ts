import { MessageType, readClientMessage, type Kind, type RecordName, type WatchHealth } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { systemRandom, type RandomBytes } from '../runtime/random.js';
import { readAlive, type AliveMessage, type SilentMessage } from './alive-message.js';
import { BrokerContact } from './broker-contact.js';
import { identityOf, type Identity, type ProcessPlace } from './identity.js';
import { connectWithRetry } from './connect-with-retry.js';
import { readJson, type Broker, type BrokerMessage, type ConnectBroker } from './broker.js';
import { connectNatsBroker } from './nats-broker.js';
import { waitingIn, type Published, type Waiting } from './outbox.js';
import { NO_FAILURES, type PublisherFailures, type ToldState } from './publisher-state.js';
import { Publisher } from './publisher.js';
import { PayloadLimit } from './payload-limit.js';
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
const NOTHING_SENT = { sequence: 0, claims: 0, failures: NO_FAILURES };

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
  #beats = 0;
  readonly #connect: () => Promise<Broker>;
  readonly contact: BrokerContact;

  constructor(private readonly services: OriginRelayServices) {
    this.names = new RelayNames(services.options.repository);
    const { random = systemRandom, root, place, options, connect = connectNatsBroker } = services;
    this.#connect = () => connect(options.access, `muse-bus origin of ${options.repository}`);
    this.contact = new BrokerContact(this.#connect, services);
    this.#identity = identityOf(nameOf(random(ORIGIN_RANDOM_BYTES)), root, place);
  }

  get health(): RelayHealth {
    const unclaimed = this.#isStopped ? ('stopped' as const) : ('connecting' as const);
    const { state, sequence, claims, failures } = this.#publisher ?? { state: unclaimed, ...NOTHING_SENT };
    const waiting = this.#publisher?.waiting ?? waitingIn(this.services.source, undefined);
    return { state, why: this.#why, ...this.#behind(waiting), sequence, claims, failures };
  }

  /** A publisher knows what NATS refuses, and not why it is lost. */
  get #why(): string | undefined {
    const { why, refusals } = this.contact;
    if (!this.#publisher) return why;
    const said = this.#publisher.why;
    return said !== undefined && refusals.recent === undefined ? (why ?? said) : said;
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
    const { options, source, clock, log } = this.services;
    const isOver = (): boolean => this.#isStopped;
    const failed = (why: string): void => {
      this.contact.unreached(why);
    };
    const patience = { connect: this.#connect, clock, log, isOver, failed, gives: 'never-up' } as const;
    const broker = await connectWithRetry(options.access, patience);
    if (!broker) return;
    this.#broker = broker;
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
      refusals: this.contact.refusals,
      claimed: (isOurs) => {
        if (isOurs) this.#answer(broker);
        else this.#stopAnswering?.();
      },
    });
    this.#publisher = publisher;
    this.#checkSizes(broker);
    const { bound } = publisher;
    this.#payload = new PayloadLimit(this.#connect, { broker, clock, log, bound });
    this.#payload.start();
    broker.subscribe(this.names.alive, ({ data }) => {
      const alive = readAlive(readJson(data));
      if (alive && alive.origin !== this.#identity.origin) publisher.heardAnother();
    });
    this.contact.begins(broker, {
      lost: () => {
        publisher.disconnected();
      },
      back: () => {
        publisher.reconnected();
      },
    });
    this.#beat();
    try {
      await publisher.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
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
    this.contact.stop();
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
    const message = this.#heartbeat();
    if (!message) return;
    try {
      this.#broker!.publish(this.names.alive, this.#signed(this.names.alive, message));
    } catch (error) {
      // A broker may take no message of its size.
      this.contact.refusals.note((error as Error).message);
    }
  }

  /** What is said without a connection would be heard when it is no longer true; and while another origin publishes, edges hear that one. */
  #heartbeat(): AliveMessage | SilentMessage | undefined {
    const { state } = this.#publisher!;
    if (state === 'publishing') return this.#alive();
    const why = this.#why;
    if (!this.contact.isUp || why === undefined || state === 'taken') return undefined;
    return { origin: this.#identity.origin, silent: why };
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
