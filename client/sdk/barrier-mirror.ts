import { unixMillis, type FilterInput, type Moment, type RecordName, type Welcome } from '../../protocol/index.js';
import type { AskOptions } from './ask-options.js';
import type { Mirror } from './mirror.js';
import type { MirrorOptions } from './mirror-options.js';
import type { BusStatus } from './status.js';

/**
 * Upper bound of the round trip that is subtracted from the server's time. If the server was stopped during the first ping, the
 * measured round trip includes that pause; without a bound every lease would end that much later until the connection ends.
 */
const MAX_DOUBT_MS = 1_000;

/** The part of a client that a question needs. */
interface QuestionedBus {
  readonly status: BusStatus;
  /** The welcome of the connection: another one for each. */
  readonly server: Welcome | undefined;
  serverNow(): number;
  sync(record: RecordName | undefined, options: AskOptions): Promise<string>;
  mirror(filter: FilterInput, options: MirrorOptions): Promise<Mirror>;
}

/**
 * Answers from a mirror that has what was on disk at the call: of a record, or of everything. A barrier speaks for the server that answers it.
 * If the connection is another one before the mirror is complete, the server may be another run, which has read less: it is asked again.
 */
export async function mirrorAtBarrier<T>(
  bus: QuestionedBus,
  record: RecordName | undefined,
  filter: FilterInput,
  options: MirrorOptions,
  answer: (mirror: Mirror) => T,
): Promise<T> {
  const { signal } = options;
  for (;;) {
    await bus.sync(record, { signal });
    const { server } = bus;
    const mirror = await bus.mirror(filter, options);
    try {
      if (bus.server === server) return answer(mirror);
    } finally {
      await mirror.close();
    }
  }
}

/** Answers one question from all records that were on disk at the call, and match a filter. @param answer is given the time of the call. */
export async function askAtBarrier<T>(
  bus: QuestionedBus,
  filter: FilterInput,
  signal: AbortSignal | undefined,
  answer: (mirror: Mirror, asked: Moment) => T,
): Promise<T> {
  // A lease that ends after the question may be prolonged after the server read the disk.
  // So leases are judged at the time of the question.
  const roundTripMs = bus.status.state === 'live' ? Math.min(bus.status.roundTripMs, MAX_DOUBT_MS) : 0;
  const askedAt = unixMillis(bus.serverNow() - roundTripMs);
  return mirrorAtBarrier(bus, undefined, filter, { signal }, (mirror) => {
    // The barrier covers everything that happened before the question.
    // A server whose clock was set back has sent its new time before its answer; the earlier time counts.
    const now = unixMillis(Math.min(askedAt, bus.serverNow()));
    return answer(mirror, { ...mirror.moment, now, completeUntil: now });
  });
}
