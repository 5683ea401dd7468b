import { Swarm, type Moment, type SwarmRecord, unixMillis } from '../../../protocol/index.js';
import type { World } from './world.js';

/**
 * The last swarm that was asked for: worlds share the records, which never change, so that of the next one only what is
 * different is read.
 */
const swarm = new Swarm();
let last: { readonly world: World; readonly nextSeq: number } | undefined;

/** The model of a world as it is now. Good until the next call. */
export function swarmOf(world: World): Swarm {
  if (last?.world === world && last.nextSeq === world.nextSeq) return swarm;
  swarm.replace(recordsOf(world));
  last = { world, nextSeq: world.nextSeq };
  return swarm;
}

function* recordsOf({ byKind }: World): Generator<SwarmRecord> {
  for (const records of Object.values(byKind)) yield* records.values();
}

export const momentAt = (nowMs: number): Moment => ({ now: unixMillis(nowMs) });
