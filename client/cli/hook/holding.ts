import { LEASE_KINDS, leaseForm, runSituation, type Address } from '../../../protocol/index.js';
import { askAtBarrier } from '../../sdk/barrier-mirror.js';
import { BusError } from '../../sdk/bus-error.js';
import { systemClock, type ClientClock } from '../../sdk/clock.js';
import { wait } from '../../sdk/patience.js';
import { toCliError } from '../cli-error.js';
import { askServer } from '../commands/server-holding.js';
import type { Target } from '../commands/target.js';
import type { Text } from '../terminal/terminal-text.js';
import type { AskedBus } from './asked-bus.js';
import { doubtOf, type HoldingAnswer } from './decision.js';

/**
 * After this time without an answer the holders count as unknown. Before an edit a slow server is worth a wait. A server that answers nothing
 * is asked at each tool and prompt of an agent, and what was not said then is said at the next call.
 */
const ANSWER_MS = { 'before an edit': 8_000, 'between edits': 2_000 } as const;

export interface Question {
  readonly root: string;
  readonly bus: AskedBus;
  readonly addresses: readonly Address[];
  /** The run whose situation is asked for too. */
  readonly run?: string | undefined;
  readonly when: keyof typeof ANSWER_MS;
  readonly warn: (line: Text) => void;
}

/**
 * Returns the holders of some addresses, from all records on disk at the time of the call. The repository's own server is asked by HTTP.
 * Another server, or the files themselves, are asked by a client, which takes longer to load. Never throws: an error gives `unknown`.
 */
export async function askHolding(
  { bus, ...question }: Question,
  clock: ClientClock = systemClock,
): Promise<HoldingAnswer> {
  if (bus.is === 'invalid') return { is: 'unknown', why: bus.why };
  const withinMs = ANSWER_MS[question.when];
  const late = new AbortController();
  const { signal } = late;
  // A server that slept, too, has not had its time.
  const cancel = wait(clock, withinMs, { over: () => late.abort(), woken: () => withinMs });
  try {
    const served = bus.target.server ? undefined : await askServer(question, signal);
    if (served === undefined) return await askClient(bus.target, question, signal);
    const { unread, ...answer } = served;
    return { is: 'known', ...answer, doubt: unread === undefined ? undefined : doubtOf(unread) };
  } catch (error) {
    if (signal.aborted) return { is: 'unknown', why: `the bus gave no answer within ${String(withinMs / 1_000)} s` };
    return { is: 'unknown', why: toCliError(error).message };
  } finally {
    cancel();
  }
}

async function askClient(
  target: Target,
  { root, addresses, run, warn }: Omit<Question, 'bus'>,
  signal: AbortSignal,
): Promise<HoldingAnswer> {
  const { findSource } = await import('../commands/source.js');
  const source = await findSource({ ...target, root: target.server ? target.root : root }, { err: warn }, { signal });
  try {
    const { client } = source;
    if (client.status.state !== 'live') throw new BusError('unreachable', 'the bus is away', '');
    const filter = run === undefined ? { kinds: LEASE_KINDS } : {};
    return await askAtBarrier(client, filter, signal, (mirror, asked) => {
      const { holders, unread, isSeen } = mirror.swarm.holders(addresses, asked);
      return {
        is: 'known',
        now: asked.now,
        doubt: isSeen && unread.length === 0 ? undefined : doubtOf(unread.length),
        holders: holders.map(leaseForm),
        situation: run === undefined ? undefined : runSituation(mirror.swarm, asked, run),
      };
    });
  } finally {
    await source.stop();
  }
}
