import { parseTimestamp } from '../../../protocol/index.js';
import { addressesOf, textOf, type RecordKey } from './entry.js';
import type { Standing, World } from './world.js';

/** `none`: says no time that can be read, and never lapses. */
export type LeaseState = 'active' | 'lapsed' | 'released' | 'none';

export interface Lease {
  readonly key: RecordKey;
  readonly reservation: Standing;
  /** What heartbeats, intents and releases call it. */
  readonly name: string;
  readonly run: string;
  readonly branch: string;
  readonly addresses: readonly string[];
  readonly startMs: number;
  /** The later of its own expiry and every extension by a heartbeat; `undefined` where it says none. */
  readonly endMs: number | undefined;
  /** When it was last made or extended: from here to `endMs` is what its holder asked for. */
  readonly renewedMs: number;
  readonly state: LeaseState;
}

/** What a reservation's data says, read once: twenty thousand of them are looked at many times a second. */
type LeaseFacts = Pick<Lease, 'name' | 'run' | 'branch' | 'addresses' | 'startMs'> & {
  readonly ownEndMs: number | undefined;
};
/** What a heartbeat's data says of a lease. */
interface BeatFacts {
  readonly name: string | undefined;
  readonly untilMs: number | undefined;
  readonly beatMs: number;
}

const leaseFacts = new WeakMap<Standing, LeaseFacts>();
const beatFacts = new WeakMap<Standing, BeatFacts>();

/** Every reservation that stands, as the lease it is at a time. */
export function leasesOf(world: World, nowMs: number): Lease[] {
  const extensions = extensionsOf(world);
  const released = new Set<string>();
  for (const { data } of world.byKind.release.values()) {
    const name = textOf(data, 'reservation_id');
    if (name !== undefined) released.add(name);
  }
  return Array.from(world.byKind.reservation.values(), (reservation) => {
    const facts = remembered(leaseFacts, reservation, readLease);
    return toLease(reservation, facts, extensions.get(facts.name), released.has(facts.name), nowMs);
  });
}

function readLease({ id, data, firstMs }: Standing): LeaseFacts {
  return {
    name: textOf(data, 'reservation_id') ?? id,
    run: textOf(data, 'run_id') ?? '',
    branch: textOf(data, 'branch') ?? '',
    addresses: addressesOf(data),
    startMs: parseTimestamp(data['created_at']) ?? firstMs,
    ownEndMs: parseTimestamp(data['expires_at']),
  };
}

function toLease(
  reservation: Standing,
  { name, run, branch, addresses, startMs, ownEndMs }: LeaseFacts,
  extension: BeatFacts | undefined,
  isReleased: boolean,
  nowMs: number,
): Lease {
  const endMs = ownEndMs === undefined ? undefined : Math.max(ownEndMs, extension?.untilMs ?? 0);
  return {
    key: reservation.key,
    reservation,
    name,
    run,
    branch,
    addresses,
    startMs,
    endMs,
    renewedMs: Math.max(startMs, extension?.beatMs ?? 0),
    state: isReleased ? 'released' : endMs === undefined ? 'none' : endMs > nowMs ? 'active' : 'lapsed',
  };
}

/** Whether the lease keeps others out. */
export const isHeld = ({ state }: Lease): boolean => state === 'active' || state === 'none';

/** Of each lease the heartbeat that extends it furthest. */
function extensionsOf(world: World): Map<string, BeatFacts> {
  const extensions = new Map<string, BeatFacts>();
  for (const heartbeat of world.byKind.heartbeat.values()) {
    const facts = remembered(beatFacts, heartbeat, readBeat);
    if (facts.name === undefined || facts.untilMs === undefined) continue;
    if (facts.untilMs > (extensions.get(facts.name)?.untilMs ?? 0)) extensions.set(facts.name, facts);
  }
  return extensions;
}

function readBeat({ data, atMs }: Standing): BeatFacts {
  return {
    name: textOf(data, 'reservation_id'),
    untilMs: parseTimestamp(data['extended_expires_at']),
    beatMs: parseTimestamp(data['last_beat_at']) ?? atMs,
  };
}

function remembered<T>(known: WeakMap<Standing, T>, record: Standing, read: (record: Standing) => T): T {
  let facts = known.get(record);
  if (facts === undefined) known.set(record, (facts = read(record)));
  return facts;
}
