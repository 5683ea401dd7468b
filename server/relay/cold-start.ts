import { revision, type Epoch, type Revision } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import type { StoreEvent } from '../store/store-event.js';
import { Past } from './past.js';
import type { RelayMessage } from './relay-message.js';
import { readStored } from './read-relay-message.js';
import { StreamFeed, type FeedSource, type Positioned } from './stream-feed.js';

/** The records of a repository at one sequence of its stream. */
export interface StreamState {
  /** Identity of the process that publishes. */
  readonly origin: string;
  readonly epoch: Epoch;
  readonly revision: Revision;
  /** The sequence of the last message that this state includes. */
  readonly sequence: number;
  readonly versions: readonly RecordVersion[];
}

/** The stream holds no base that an edge can begin with. The edge can ask the origin for one. */
export class NoBaseError extends Error {
  override readonly name = 'NoBaseError';
}

/** A base that an edge can begin with. */
export interface FoundBase {
  /** The sequence at which it begins. */
  readonly from: number;
  /** Which stream of this name holds it. */
  readonly created: string | undefined;
}

/** Returns the current base. @throws NoBaseError if there is none, or it is not complete. */
export async function findBase({ broker, names, seal }: FeedSource): Promise<FoundBase> {
  const info = await broker.findStream(names.stream);
  if (!info) throw new NoBaseError(`there is no stream ${names.stream}: does an origin publish this repository?`);
  const found = await broker.findMessage(names.stream, { lastOf: names.base });
  if (found && seal?.isSealed(found.subject, found.sequence, found.data) === false) {
    throw new NoBaseError('the base in the stream is not signed with a key that was given (--relay-public-key)');
  }
  const mark = found && readStored(found, names);
  if (mark?.is !== 'base') throw new NoBaseError(`the stream ${names.stream} holds no base`);
  if (mark.phase === 'begin') throw new NoBaseError('the origin has not finished its base yet');
  await checkUndeleted({ broker, names }, mark.from);
  if (mark.from < info.firstSequence) throw new NoBaseError('the stream no longer holds the whole base');
  return { from: mark.from, created: info.created };
}

/** @throws NoBaseError if messages of the base that begins at a sequence, or after it, have been deleted. */
export async function checkUndeleted({ broker, names }: FeedSource, from: number): Promise<void> {
  if ((await broker.countDeleted(names.stream, from)) === 0) return;
  throw new NoBaseError('messages of the base, or after it, have been deleted from the stream');
}

/** Builds the current records from the last message of each subject. Pure. */
export class StateBuilder {
  readonly #last = new Map<string, Positioned>();
  #newest: { readonly sequence: number; readonly message: RelayMessage } | undefined;
  /** The highest revision in any message of an epoch, since the base that was looked up began. */
  readonly #furthest = new Map<Epoch, Revision>();
  /** Where the base begins that counts; `undefined` while the origin sends one that takes its place. */
  #from: number | undefined;
  /** The sequence of the last message that could not be accepted. It hides what the origin has last said on its subject. */
  #foreign = 0;
  /** The epoch of the last mark of a base: an origin that begins an epoch begins with one. */
  #baseEpoch: Epoch | undefined;

  /** @param found the sequence at which the current base begins. Earlier records are ignored, unless the stream has a later base. */
  constructor(private readonly found: number) {
    this.#from = found;
  }

  take(positioned: Positioned): void {
    const { sequence, subject, message } = positioned;
    if (!message) {
      this.#foreign = Math.max(this.#foreign, sequence);
      return;
    }
    this.#newest = { sequence, message };
    const { epoch, position } = message;
    // What is older than the base was passed over by it: the origin does not go on from what another has written.
    if (sequence >= this.found) this.#furthest.set(epoch, revision(Math.max(position, this.#furthest.get(epoch) ?? 0)));
    // Since the base was looked up the origin may have started again: what was of the old one says nothing of what has gone since.
    if (message.is === 'base') {
      this.#from = message.phase === 'end' ? message.from : undefined;
      this.#baseEpoch = epoch;
    } else if (message.is === 'event' || message.is === 'standing') this.#last.set(subject, positioned);
  }

  /**
   * @throws NoBaseError if no message could be read, or none is the mark of a base, or the last message is not of the epoch of the base,
   *   or does not have the highest revision of its epoch.
   */
  build(): StreamState {
    if (!this.#newest) throw new NoBaseError('no message in the stream can be read');
    const { message, sequence } = this.#newest;
    const { origin, epoch, position } = message;
    const from = this.#from;
    // What a stream is left with when it has been purged since the base was looked up is not all that there is.
    if (this.#baseEpoch === undefined) throw new NoBaseError('the stream no longer holds the base');
    if (from === undefined) throw new NoBaseError('the origin is sending its records');
    if (this.#foreign >= from) throw new NoBaseError('messages of another program hide records of the base');
    if (epoch !== this.#baseEpoch || position < (this.#furthest.get(epoch) ?? 0)) {
      throw new NoBaseError('another process has published an old message of the origin again');
    }
    const versions: RecordVersion[] = [];
    for (const { sequence: at, message: last } of this.#last.values()) {
      if (at < from || last?.epoch !== epoch) continue;
      const version = last.is === 'standing' ? last.version : last.is === 'event' ? last.after : undefined;
      if (version) versions.push(version);
    }
    return { origin, epoch, revision: revision(position), sequence, versions };
  }
}

/** What is told while history is read, which ends only if all of it comes. */
export interface HistoryReading {
  opened(feed: StreamFeed): void;
  /** Called with each message. */
  taken(): void;
}

/**
 * Reads the events that led to a state, without a gap, as far back as the stream and `most` messages allow, beside those of one base. The
 * caller's own feed continues meanwhile.
 */
export async function readHistory(
  source: FeedSource,
  state: StreamState,
  most: number,
  reading: HistoryReading = { opened: () => undefined, taken: () => undefined },
): Promise<readonly StoreEvent[]> {
  const { broker, names } = source;
  const info = await broker.findStream(names.stream);
  // A base among them has a message for each record. Counted, the first edge after a large one could resume no cursor.
  const back = most + state.versions.length;
  const from = Math.max(info?.firstSequence ?? 1, state.sequence - back + 1, 1);
  if (!info || info.messages === 0 || from > state.sequence) return [];
  const past = new Past(state.epoch);
  await new Promise<void>((resolve, reject) => {
    let feed: StreamFeed | undefined;
    let isDone = false;
    const message = ({ sequence, message, pending }: Positioned): void => {
      reading.taken();
      if (message && sequence <= state.sequence) past.take(message);
      if (sequence < state.sequence && pending > 0) return;
      isDone = true;
      feed?.close();
      resolve();
    };
    void StreamFeed.open(source, { from }, { message, unreadable: () => undefined, broken: reject }).then((opened) => {
      feed = opened;
      if (isDone) opened.close();
      else reading.opened(opened);
    }, reject);
  });
  return past.reached === state.revision ? past.events : [];
}
