import { MessageType } from '../../../protocol/index.js';
import { RawClient } from '../../support/raw-client.js';
import { checkHistories, type Evidence } from '../history-checker.js';
import type { ClientHistory, Operation } from '../client-history.js';
import type { BusProcess } from './bus-process.js';
import { until } from '../../support/until.js';

/** The history of a client that is still connected. */
export interface OngoingHistory extends ClientHistory {
  hasReached(epoch: string, revision: number): boolean;
}

/**
 * Makes the bus read everything, waits until each client has received it, and checks the histories.
 * @throws Error with the verdict, where the bus broke a rule
 */
export async function settleAndVerify(
  bus: BusProcess,
  operations: readonly Operation[],
  histories: readonly OngoingHistory[],
  timeoutMs = 30_000,
): Promise<{ readonly events: number; readonly marks: number }> {
  const cursor = await barrier(bus);
  const [epoch = '', revision = ''] = cursor.split(':');
  for (const history of histories) {
    await until(
      `${history.name} has received everything up to ${cursor}, after ${JSON.stringify(history.entries.slice(-3)).slice(0, 600)}`,
      () => history.hasReached(epoch, Number(revision)),
      timeoutMs,
    );
  }
  return verify(histories, operations, true);
}

/** Checks the histories. @throws Error with the verdict, where the bus broke a rule. */
export function verify(
  histories: readonly ClientHistory[],
  operations: readonly Operation[],
  isSettled: boolean,
  known: Pick<Evidence, 'gapAfter'> = {},
) {
  const verdict = checkHistories({ histories, operations, isSettled, ...known });
  if (verdict.holds) return { events: verdict.events, marks: verdict.marks };
  const { rule, history, entry, why } = verdict;
  const around = histories.find(({ name }) => name === history)!.entries.slice(Math.max(0, entry - 6), entry + 1);
  throw new Error(
    `${rule} broken in the history of ${history} at ${entry}: ${why}\n${JSON.stringify(around).slice(0, 4_000)}`,
  );
}

/** Sends a barrier. @returns the cursor that includes everything that was on the disk at the call. */
export async function barrier({ endpoint }: BusProcess): Promise<string> {
  const client = await RawClient.connect(endpoint);
  try {
    client.send([MessageType.sync, 1]);
    const done = await client.received(MessageType.syncDone);
    return done[2] as string;
  } finally {
    await client.close();
  }
}
