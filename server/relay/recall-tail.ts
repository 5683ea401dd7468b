import type { ResolvedRelay } from '../config/relay-options.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { FoundTail, LostTail } from '../store/lost-tail.js';
import type { Broker, ConnectBroker } from './broker.js';
import { connectWithRetry } from './connect-with-retry.js';
import { connectNatsBroker } from './nats-broker.js';
import { Past } from './past.js';
import { readStored } from './read-relay-message.js';
import type { RelayMessage } from './relay-message.js';
import { RelayNames } from './relay-names.js';
import type { OriginSeal } from './seal.js';

/** How long a start waits for NATS, because no revision may be told before it is known which ones the stream holds. */
const PATIENCE_MS = 5_000;
/** How many messages are asked for together: an origin may read a stream only one by one. */
const TOGETHER = 256;
/** How far back a journal's end is looked for. A journal lacks at most some hundred events; a base may have been sent among them. */
const MAX_MESSAGES = 65_536;

export interface RecallServices {
  readonly options: ResolvedRelay;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells what this origin has written. Without it every message that can be read is accepted. */
  readonly seal?: OriginSeal | undefined;
  /** @default connects to NATS */
  readonly connect?: ConnectBroker;
}

/**
 * Asks an origin's own stream for the events that its journal has lost, if NATS answers soon.
 * @returns `undefined` if no edge can go on.
 */
export async function recallTail(services: RecallServices, lost: LostTail): Promise<FoundTail | undefined> {
  const { clock, log, options } = services;
  let isOver = false;
  let cancel: () => void = () => undefined;
  const late = new Promise<'late'>((resolve) => {
    cancel = clock.after(PATIENCE_MS, () => {
      resolve('late');
    });
  });
  const asking = ask(services, lost, () => isOver).catch((error: unknown) => error as Error);
  const found = await Promise.race([asking, late]);
  isOver = true;
  cancel();
  const { stream } = new RelayNames(options.repository);
  if (found === 'late' || found === undefined || found instanceof Error) {
    const err = found instanceof Error ? { err: found } : {};
    const why =
      found === 'late'
        ? `NATS has not said within ${String(PATIENCE_MS / 1_000)} s what it holds`
        : 'what it holds does not continue the journal';
    log.warn(
      { stream, ...err },
      `the stream does not have what the journal has lost (${why}): clients of edges start again`,
    );
    return undefined;
  }
  log.info(
    { stream, journal: lost.after, reached: found.reached, events: found.events.length },
    'the stream continues the journal: clients of edges continue',
  );
  return found;
}

async function ask(
  { options, clock, log, seal, connect = connectNatsBroker }: RecallServices,
  lost: LostTail,
  isOver: () => boolean,
): Promise<FoundTail | undefined> {
  const patience = { connect, clock, log, isOver, gives: 'never-up' } as const;
  const broker = await connectWithRetry(options.access, `muse-bus origin of ${options.repository}`, patience);
  if (!broker) return undefined;
  try {
    return await readTail({ broker, names: new RelayNames(options.repository), seal }, lost);
  } finally {
    await broker.close();
  }
}

export interface TailSource {
  readonly broker: Broker;
  readonly names: RelayNames;
  readonly seal?: OriginSeal | undefined;
}

/**
 * Reads the end of a stream, back to where a journal ends. Only what the origin has signed counts, and only as far as each event follows the
 * one before.
 */
async function readTail(source: TailSource, { epoch, after, upTo }: LostTail): Promise<FoundTail | undefined> {
  const info = await source.broker.findStream(source.names.stream);
  if (!info) return undefined;
  const { firstSequence, lastSequence } = info;
  const lowest = Math.max(firstSequence, lastSequence - MAX_MESSAGES + 1);
  const messages: RelayMessage[] = [];
  let unread = lastSequence;
  for (let back = TOGETHER; unread >= lowest; back *= 2) {
    while (unread >= lowest && unread > lastSequence - back) {
      const from = Math.max(lowest, unread - TOGETHER + 1);
      messages.unshift(...(await believed(source, from, unread)));
      unread = from - 1;
    }
    const past = new Past(epoch);
    for (const message of messages) past.take(message);
    const { from, reached } = past;
    // The origin's last message is of another epoch, or is not of the run that the journal is of.
    if (messages.length > 0 && (reached === undefined || reached > upTo)) return undefined;
    if (reached !== undefined && from! <= after)
      return { reached, events: past.events.filter((event) => event.revision > after) };
  }
  return undefined;
}

/** Returns the messages of a range that this origin has written, and that can be read. */
async function believed({ broker, names, seal }: TailSource, from: number, until: number): Promise<RelayMessage[]> {
  const asked = Array.from({ length: until - from + 1 }, (_, i) =>
    broker.findMessage(names.stream, { sequence: from + i }),
  );
  const found = (await Promise.all(asked)).filter((message) => message !== undefined);
  const sealed = seal?.check.areSealed(found);
  return found
    .filter((_, i) => sealed?.[i] !== false)
    .map((message) => readStored(message, names))
    .filter((message) => message !== undefined);
}
