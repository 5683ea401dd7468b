import { type RecordName } from '../../protocol/index.js';
import { readAlive, readSilent, type AliveMessage } from './alive-message.js';
import { readJson, type Broker } from './broker.js';
import type { Question, SyncAnswer } from './origin-relay.js';
import type { RelayNames } from './relay-names.js';
import type { SealCheck } from './seal.js';

const ASK_MS = 1_000;

/** What an edge hears in place of a heartbeat. */
export interface HeardInstead {
  /** The origin lives, and publishes nothing. */
  heardSilent(why: string): void;
  /** A message is not signed, although the edge has a key. */
  heardUnsigned(): void;
}

/** What passes between an edge and its origin beside the stream, over core NATS: heartbeats, questions and their answers. */
export class OriginLink {
  constructor(
    private readonly broker: Broker,
    private readonly names: RelayNames,
    /** `undefined` if the edge was given no key. */
    private readonly seal: SealCheck | undefined,
    /** The number of the last heartbeat that was believed. */
    private readonly beat: () => number,
  ) {}

  followHeartbeats(heard: (alive: AliveMessage) => void, instead: HeardInstead): void {
    const { broker, names, seal } = this;
    broker.subscribe(names.alive, ({ data }) => {
      const value = readJson(data);
      const alive = readAlive(value);
      const silent = readSilent(value);
      if (!alive && silent === undefined) return;
      if (seal?.isSealedJson(names.alive, value as object) === false) instead.heardUnsigned();
      else if (alive) heard(alive);
      else instead.heardSilent(silent!);
    });
  }

  /**
   * Makes the origin read a record, or everything, and asks how far it has come then.
   * @throws Error if it does not answer within a second, or the answer is not its own.
   */
  async sync(record?: RecordName): Promise<SyncAnswer> {
    const { names, seal } = this;
    const beat = this.beat();
    const answer = await this.#ask({ ask: 'sync', ...record });
    // Any client of NATS may answer. A barrier would wait for ever for a revision that nobody has.
    if (!saysHowFar(answer)) throw new Error('the answer says of no revision');
    if (!seal) return answer;
    // An answer that was given before the question says nothing of what was on disk at the question.
    const isNew = (answer.beat ?? 0) > beat;
    if (!isNew || !seal.isSealedJson(names.ask, answer)) throw new Error('the answer is not signed by the origin');
    return answer;
  }

  /** Asks for a new base. If the origin does not answer, the base may come all the same. */
  async askForBase(): Promise<void> {
    await this.#ask({ ask: 'base' }).catch(() => undefined);
  }

  async #ask(question: Question): Promise<unknown> {
    return readJson(await this.broker.request(this.names.ask, JSON.stringify(question), ASK_MS));
  }
}

function saysHowFar(answer: unknown): answer is SyncAnswer {
  if (typeof answer !== 'object' || answer === null) return false;
  const { epoch, revision } = answer as Partial<Record<keyof AliveMessage, unknown>>;
  return typeof epoch === 'string' && Number.isSafeInteger(revision) && (revision as number) >= 0;
}
