import { MessageType } from '../../../protocol/index.js';
import { RawClient } from '../../support/raw-client.js';
import { checkHistory } from '../history-checker.js';
import type { Life, Operation } from '../life.js';
import type { BusProcess } from './bus-process.js';
import { until } from '../../support/until.js';

/** A life that is still being lived. */
export interface LivingLife extends Life {
  hasReached(epoch: string, revision: number): boolean;
}

/** Has the bus read everything, waits until everybody has been told, and judges. @throws Error with the verdict. */
export async function settleAndVerify(
  bus: BusProcess,
  operations: readonly Operation[],
  lives: readonly LivingLife[],
  patienceMs = 30_000,
): Promise<{ readonly events: number; readonly marks: number }> {
  const cursor = await barrier(bus);
  const [epoch = '', revision = ''] = cursor.split(':');
  for (const life of lives) {
    await until(
      `${life.name} has been told everything up to ${cursor}, after ${JSON.stringify(life.entries.slice(-3)).slice(0, 600)}`,
      () => life.hasReached(epoch, Number(revision)),
      patienceMs,
    );
  }
  return verify(lives, operations, true);
}

/** @throws Error with the verdict where it is against the bus. */
export function verify(lives: readonly Life[], operations: readonly Operation[], isSettled: boolean) {
  const verdict = checkHistory({ lives, operations, isSettled });
  if (verdict.holds) return { events: verdict.events, marks: verdict.marks };
  const { rule, life, entry, why } = verdict;
  const around = lives.find(({ name }) => name === life)!.entries.slice(Math.max(0, entry - 6), entry + 1);
  throw new Error(
    `${rule} broken in the life of ${life} at ${entry}: ${why}\n${JSON.stringify(around).slice(0, 4_000)}`,
  );
}

/** @returns the cursor that includes what was on the disk at the call. */
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
