import type { Revision } from '../../protocol/index.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import {
  readJson,
  StreamRefusedError,
  WrongSequenceError,
  type Broker,
  type StoredMessage,
  type StreamInfo,
} from './broker.js';
import type { Published, StreamPosition } from './outbox.js';
import { readIdentity, type Identity } from './identity.js';
import { BEGUN, isOver, nextClaimState, type ClaimEvent, type ClaimState } from './claim-state.js';
import { encodeMark, type Claim, type RelayMessage, type Stamp } from './relay-message.js';
import { readStored } from './read-relay-message.js';
import type { RelayNames } from './relay-names.js';
import type { OriginSeal } from './seal.js';
import { MIN_MESSAGE_BYTES } from './stream-config.js';
import { RelayTakenError } from './relay-taken-error.js';
import type { StreamLimits } from '../config/relay-options.js';

const APPEND_MS = 1_500;
/** How long another origin may take to answer. */
const ANSWER_MS = 1_000;
/** The origin of a claim that is younger than this may not answer yet. */
const YOUNG_MS = 2_000;
/** How many messages of other programs at the end of a stream are passed over to find the origin's last one. */
const LOOK_BACK = 64;

export interface ClaimServices {
  readonly broker: Broker;
  readonly names: RelayNames;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly source: Published;
  /** Signs what this origin sends. Without it nothing is signed, and every message that can be read is accepted. */
  readonly seal?: OriginSeal | undefined;
}

/** The messages that a process has sent since it last claimed the stream. */
export interface SentMessages {
  /** The sequence of the last message that the stream has acknowledged. */
  readonly answered: number;
  /** The sequence that the last sent message has if it was stored. */
  readonly last: number;
  /** The position that the stream had with that message. */
  readonly position: StreamPosition | undefined;
  /** The last revision that was sent. */
  readonly revision: Revision;
}

/** The state of a stream right after its claim. */
export interface Claimed {
  /** The sequence of the claim itself, which is the last message of the stream. */
  readonly sequence: number;
  readonly position: StreamPosition | undefined;
  /** How long ago the current base was begun, by the stamps of the stream. */
  readonly baseAgeMs: number;
  /** The stream before the claim. */
  readonly stream: StreamInfo;
}

/**
 * Claims the stream for this origin, and finds the revision that the stream has reached. If two origins try at the same time, only one
 * can succeed: a claim is stored only if no other process has written since the stream was read. {@link nextClaimState} says what follows
 * what.
 * @param sent the messages of this process. If the stream's last message is none of them, it does not prove what the stream holds.
 * @throws RelayTakenError if another origin answers.
 */
export async function claimStream(services: ClaimServices, sent?: SentMessages): Promise<Claimed> {
  const run = new ClaimRun(services, sent);
  let state = BEGUN;
  while (!isOver(state)) state = nextClaimState(state, await run.step(state));
  return run.result(state);
}

/** Does what each state of a claim asks for, and tells what came of it. */
class ClaimRun {
  #stream: StreamInfo | undefined;
  #holder: (Stamp & Claim) | undefined;
  #askedFrom = 0;
  #found: FoundPosition | undefined;
  #sequence = 0;
  #error: Error | undefined;

  constructor(
    private readonly services: ClaimServices,
    private readonly sent: SentMessages | undefined,
  ) {}

  async step(state: ClaimState): Promise<ClaimEvent> {
    try {
      switch (state.at) {
        case 'reading':
          return await this.#read();
        case 'asking':
          return await this.#ask();
        case 'resting':
          await delay(this.services.clock, state.timerMs);
          return { is: 'timer' };
        case 'finding':
          this.#found = await positionOf(this.services, this.#stream!, this.sent);
          return { is: 'found' };
        default:
          return await this.#append();
      }
    } catch (error) {
      this.#error = error as Error;
      return { is: error instanceof WrongSequenceError ? 'overtaken' : 'failed' };
    }
  }

  /** @throws Error why the stream was not claimed. */
  async result(state: ClaimState): Promise<Claimed> {
    if (state.at !== 'claimed') throw this.#error!;
    const { position, baseAtMs } = this.#found!;
    const baseAgeMs = await baseAgeOf(this.services, this.#sequence, baseAtMs);
    return { sequence: this.#sequence, position, baseAgeMs, stream: this.#stream! };
  }

  async #read(): Promise<ClaimEvent> {
    const { broker, names, limits, clock } = this.services;
    const { maxPayloadBytes: most = Infinity } = broker;
    if (most < MIN_MESSAGE_BYTES) {
      throw new StreamRefusedError(
        `max_payload is ${String(most)}, which takes no record: at least ${String(MIN_MESSAGE_BYTES)}`,
      );
    }
    this.#stream = await broker.ensureStream({ name: names.stream, subjects: names.all, limits });
    this.#holder = await lastClaim(this.services);
    this.#askedFrom = clock.elapsed();
    return { is: this.#holder ? 'held' : 'free' };
  }

  async #ask(): Promise<ClaimEvent> {
    const { clock, identity, names } = this.services;
    const living = await whoPublishes(this.services);
    if (living && living.origin !== identity.origin) {
      const { host, pid, root } = living;
      this.#error = new RelayTakenError(
        `the repository ${names.repository} is published already, by process ${String(pid)} on ${host} for ${root}`,
      );
      return { is: 'answered' };
    }
    const { host, root, since } = this.#holder!;
    // The lock of a repository lets only one process of a host serve it, so an earlier process on this host has ended.
    const isOurs = host === identity.host && root === identity.root;
    // The two wall clocks may differ by any amount, so the wait is bounded by the monotonic clock too.
    const isWaitedFor = clock.elapsed() - this.#askedFrom > YOUNG_MS;
    return { is: isOurs || isWaitedFor || clock.now() - since > YOUNG_MS ? 'silent' : 'young' };
  }

  async #append(): Promise<ClaimEvent> {
    const { broker, names, clock, identity, source, seal, log } = this.services;
    const position = this.#found?.position;
    const { lastSequence } = this.#stream!;
    const stamp = {
      origin: identity.origin,
      epoch: position?.epoch ?? source.epoch,
      position: position?.revision ?? source.history.newest,
    };
    const { host, pid, root } = identity;
    const plain = encodeMark(stamp, { is: 'claim', host, pid, root, since: clock.now() });
    const claim = seal?.seal(names.claim, lastSequence + 1, plain) ?? plain;
    try {
      this.#sequence = await broker.append(names.claim, claim, lastSequence, APPEND_MS);
    } catch (error) {
      if (error instanceof WrongSequenceError)
        log.debug({}, 'another process has written to the stream; reading it again');
      throw error;
    }
    return { is: 'stored' };
  }
}

async function lastClaim({ broker, names, identity }: ClaimServices): Promise<(Stamp & Claim) | undefined> {
  const found = await broker.findMessage(names.stream, { lastOf: names.claim });
  if (!found) return undefined;
  const claim = readStored(found, names);
  return claim?.is === 'claim' && claim.origin !== identity.origin ? claim : undefined;
}

async function whoPublishes({ broker, names }: ClaimServices): Promise<Identity | undefined> {
  try {
    const answer = await broker.request(names.ask, JSON.stringify({ ask: 'who' }), ANSWER_MS);
    return readIdentity(readJson(answer));
  } catch {
    // No origin is running, or it does not answer.
    return undefined;
  }
}

interface FoundPosition {
  /** `undefined` if no edge can continue from what is in the stream. */
  readonly position: StreamPosition | undefined;
  /** When the first message of the base was stored, by the clock of the broker; `undefined` without a base. */
  readonly baseAtMs?: number;
}

async function positionOf(
  services: ClaimServices,
  { firstSequence, lastSequence }: StreamInfo,
  sent: SentMessages | undefined,
): Promise<FoundPosition> {
  // A stream that was made anew goes on with the next event, so that edges miss none.
  if (lastSequence === 0) return { position: sent?.position && { ...sent.position, baseFrom: undefined } };
  const last = await messageAt(services, lastSequence);
  if (sent && lastSequence > sent.answered) {
    const answered = await messageAt(services, sent.answered);
    // Another process has written. This origin continues after its last acknowledged message, and sends a new base.
    if (!isOneOf(last, sent, answered, lastSequence)) return { position: answered && withoutBase(answered) };
  }
  // Another program has written. What it wrote is passed over by edges, so this origin continues after what an origin has written before.
  if (!last) return { position: await beforeForeign(services, firstSequence, lastSequence) };
  const { broker, names } = services;
  const mark = await broker.findMessage(names.stream, { lastOf: names.base });
  const base = mark && believed(services, mark);
  // A base was begun and not finished. No edge can continue from there.
  if (base?.is === 'base' && base.phase === 'begin') return { position: undefined };
  const from = base?.is === 'base' ? base.from : 0;
  if (from <= 0 || from < firstSequence) return { position: withoutBase(last) };
  const first = await broker.findMessage(names.stream, { sequence: from });
  if (!first) return { position: withoutBase(last) };
  return { position: { epoch: last.epoch, revision: last.position, baseFrom: from }, baseAtMs: first.atMs };
}

const withoutBase = ({ epoch, position }: Stamp): StreamPosition => ({
  epoch,
  revision: position,
  baseFrom: undefined,
});

/** Returns the position of the last message that can be read, if it is not far behind the last one of all. */
async function beforeForeign(
  services: ClaimServices,
  firstSequence: number,
  lastSequence: number,
): Promise<StreamPosition | undefined> {
  const from = Math.max(firstSequence, lastSequence - LOOK_BACK);
  for (let sequence = lastSequence - 1; sequence >= from; sequence--) {
    const message = await messageAt(services, sequence);
    if (message) return withoutBase(message);
  }
  return undefined;
}

/** Returns how old the base is. Both times are the broker's, so no clock of an origin matters; a base of unknown age is old. */
async function baseAgeOf(
  { broker, names }: ClaimServices,
  claimed: number,
  baseAtMs: number | undefined,
): Promise<number> {
  if (baseAtMs === undefined) return Infinity;
  const claim = await broker.findMessage(names.stream, { sequence: claimed });
  return claim ? Math.max(0, claim.atMs - baseAtMs) : Infinity;
}

/** Whether this process can have sent the last message without an acknowledgement. An old message that is sent again does not pass. */
function isOneOf(
  last: Stamp | undefined,
  sent: SentMessages,
  answered: Stamp | undefined,
  lastSequence: number,
): boolean {
  if (!last || !answered || lastSequence > sent.last) return false;
  const { origin, epoch, position } = last;
  const isOurs = origin === answered.origin && epoch === answered.epoch;
  return isOurs && position >= answered.position && position <= sent.revision;
}

async function messageAt(services: ClaimServices, sequence: number): Promise<RelayMessage | undefined> {
  const found = await services.broker.findMessage(services.names.stream, { sequence });
  return found && believed(services, found);
}

/** Returns what this repository's origin has written; `undefined` if another has. */
function believed({ seal, names }: ClaimServices, stored: StoredMessage): RelayMessage | undefined {
  const { subject, sequence, data } = stored;
  return seal?.check.isSealed(subject, sequence, data) === false ? undefined : readStored(stored, names);
}
