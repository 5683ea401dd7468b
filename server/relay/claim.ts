import { hostname } from 'node:os';
import type { Revision } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { readJson, WrongSequenceError, type Broker, type StreamInfo } from './broker.js';
import type { Published, StreamPosition } from './outbox.js';
import { encodeMark, type Claim, type RelayMessage, type Stamp } from './relay-message.js';
import { readRelayMessage } from './read-relay-message.js';
import type { RelayNames } from './relay-names.js';
import { RelayTakenError } from './relay-taken-error.js';
import type { StreamLimits } from '../config/relay-options.js';

const APPEND_MS = 5_000;
/** How long another origin may take to say that it lives. */
const ANSWER_MS = 1_000;
/** A claim that is no older may be of an origin that does not answer yet. */
const YOUNG_MS = 2_000;
const ATTEMPTS = 20;

/** Who publishes: one process. */
export interface Identity {
  readonly origin: string;
  readonly host: string;
  readonly pid: number;
  readonly root: string;
}

/** Which process, and on which host. */
export type ProcessPlace = Pick<Identity, 'host' | 'pid'>;

export const identityOf = (
  origin: string,
  root: string,
  { host, pid }: ProcessPlace = { host: hostname(), pid: process.pid },
): Identity => ({ origin, host, pid, root });

export interface ClaimServices {
  readonly broker: Broker;
  readonly names: RelayNames;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly source: Published;
}

/** What a process has sent since it claimed the stream last. */
export interface SentMessages {
  /** The sequence of the last message that is known to have been stored. */
  readonly answered: number;
  /** The sequence that the last message would have. */
  readonly last: number;
  /** The last revision that was sent. */
  readonly revision: Revision;
}

/** What a stream holds when it has been claimed. */
export interface Claimed {
  /** Of the claim itself, the last message of the stream. */
  readonly sequence: number;
  readonly position: StreamPosition | undefined;
  /** Bytes in the stream. */
  readonly bytes: number;
}

/**
 * Takes the stream for this origin, and finds out how far it has come. Two that try at the same time cannot both
 * succeed: each claims under the condition that nobody else has written meanwhile.
 * @param sent what this process has sent; where anything else is in the stream, its last message proves nothing.
 * @throws RelayTakenError where another origin lives.
 */
export async function claimStream(services: ClaimServices, sent?: SentMessages): Promise<Claimed> {
  const { broker, names, limits, clock, identity, source } = services;
  for (let attempt = 1; ; attempt++) {
    const stream = await broker.ensureStream({ name: names.stream, subjects: names.all, limits });
    const holder = await lastClaim(services);
    if (holder) await refuseIfAlive(services, holder);
    const position = await positionOf(services, stream, sent);
    const stamp = {
      origin: identity.origin,
      epoch: position?.epoch ?? source.epoch,
      position: position?.revision ?? source.history.newest,
    };
    const { host, pid, root } = identity;
    const claim = encodeMark(stamp, { is: 'claim', host, pid, root, since: clock.now() });
    try {
      const sequence = await broker.append(names.claim, claim, stream.lastSequence, APPEND_MS);
      return { sequence, position, bytes: stream.bytes };
    } catch (error) {
      if (!(error instanceof WrongSequenceError) || attempt === ATTEMPTS) throw error;
      services.log.debug({ attempt }, 'somebody else has written to the stream; looking again');
    }
  }
}

async function lastClaim({ broker, names, identity }: ClaimServices): Promise<(Stamp & Claim) | undefined> {
  const found = await broker.findMessage(names.stream, { lastOf: names.claim });
  if (!found) return undefined;
  const claim = readRelayMessage(found.data);
  return claim?.is === 'claim' && claim.origin !== identity.origin ? claim : undefined;
}

async function refuseIfAlive(services: ClaimServices, holder: Stamp & Claim): Promise<void> {
  const { clock, identity, names } = services;
  for (;;) {
    const living = await whoPublishes(services);
    if (living && living.origin !== identity.origin) {
      const { host, pid, root } = living;
      throw new RelayTakenError(
        `the repository ${names.repository} is published already, by process ${String(pid)} on ${host} for ${root}`,
      );
    }
    // The lock of a repository lets only one process of a host have it: an earlier one there is no more.
    const isOurs = holder.host === identity.host && holder.root === identity.root;
    if (isOurs || clock.now() - holder.since > YOUNG_MS) return;
    await new Promise<void>((resolve) => clock.after(YOUNG_MS / 4, resolve));
  }
}

async function whoPublishes({ broker, names }: ClaimServices): Promise<Identity | undefined> {
  try {
    const answer = await broker.request(names.ask, JSON.stringify({ ask: 'who' }), ANSWER_MS);
    return readJson(answer) as Identity | undefined;
  } catch {
    // Nobody is there, or nobody that answers.
    return undefined;
  }
}

async function positionOf(
  services: ClaimServices,
  { firstSequence, lastSequence }: StreamInfo,
  sent: SentMessages | undefined,
): Promise<StreamPosition | undefined> {
  if (lastSequence === 0) return undefined;
  const last = await messageAt(services, lastSequence);
  if (sent && lastSequence > sent.answered) {
    const answered = await messageAt(services, sent.answered);
    if (!isOneOf(last, sent, answered, lastSequence)) {
      // Somebody else has written: from what was stored before that it goes on, and the records are all sent again.
      return answered && { epoch: answered.epoch, revision: answered.position, baseFrom: undefined };
    }
  }
  // Somebody else has written into the stream: what edges have made of that is not known, and they begin anew.
  if (!last) return undefined;
  const { broker, names } = services;
  const mark = await broker.findMessage(names.stream, { lastOf: names.base });
  const base = mark ? readRelayMessage(mark.data) : undefined;
  // A base that was begun and not ended: nobody can go on from there.
  if (base?.is === 'base' && base.phase === 'begin') return undefined;
  const from = base?.is === 'base' ? base.from : 0;
  const baseFrom = from > 0 && from >= firstSequence ? from : undefined;
  return { epoch: last.epoch, revision: last.position, baseFrom };
}

/** Whether the last message can be one of those that were sent and not answered: not an old one that somebody sends again. */
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

async function messageAt({ broker, names }: ClaimServices, sequence: number): Promise<RelayMessage | undefined> {
  const found = await broker.findMessage(names.stream, { sequence });
  return found && readRelayMessage(found.data);
}
