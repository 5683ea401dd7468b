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
/** How long another origin may take to answer. */
const ANSWER_MS = 1_000;
/** The origin of a claim that is younger than this may not answer yet. */
const YOUNG_MS = 2_000;
const ATTEMPTS = 20;

/** The process that publishes. */
export interface Identity {
  readonly origin: string;
  readonly host: string;
  readonly pid: number;
  readonly root: string;
}

/** A process and its host. */
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

/** The messages that a process has sent since it last claimed the stream. */
export interface SentMessages {
  /** The sequence of the last message that the stream has acknowledged. */
  readonly answered: number;
  /** The sequence that the last sent message has if it was stored. */
  readonly last: number;
  /** The last revision that was sent. */
  readonly revision: Revision;
}

/** The state of a stream right after its claim. */
export interface Claimed {
  /** The sequence of the claim itself, which is the last message of the stream. */
  readonly sequence: number;
  readonly position: StreamPosition | undefined;
  /** Bytes in the stream. */
  readonly bytes: number;
}

/**
 * Claims the stream for this origin, and finds the revision that the stream has reached. If two origins try at the same time, only one
 * can succeed: a claim is stored only if no other process has written since the stream was read.
 * @param sent the messages of this process. If the stream's last message is none of them, it does not prove what the stream holds.
 * @throws RelayTakenError if another origin answers.
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
      services.log.debug({ attempt }, 'another process has written to the stream; reading it again');
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
    // The lock of a repository lets only one process of a host serve it, so an earlier process on this host has ended.
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
    // No origin is running, or it does not answer.
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
      // Another process has written. This origin continues after its last acknowledged message, and sends a new base.
      return answered && { epoch: answered.epoch, revision: answered.position, baseFrom: undefined };
    }
  }
  // The last message was written by another program. How edges have read it is not known, so they must begin again.
  if (!last) return undefined;
  const { broker, names } = services;
  const mark = await broker.findMessage(names.stream, { lastOf: names.base });
  const base = mark ? readRelayMessage(mark.data) : undefined;
  // A base was begun and not finished. No edge can continue from there.
  if (base?.is === 'base' && base.phase === 'begin') return undefined;
  const from = base?.is === 'base' ? base.from : 0;
  const baseFrom = from > 0 && from >= firstSequence ? from : undefined;
  return { epoch: last.epoch, revision: last.position, baseFrom };
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

async function messageAt({ broker, names }: ClaimServices, sequence: number): Promise<RelayMessage | undefined> {
  const found = await broker.findMessage(names.stream, { sequence });
  return found && readRelayMessage(found.data);
}
