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

interface Extension {
  readonly untilMs: number;
  readonly beatMs: number;
}

/** Every reservation that stands, as the lease it is at a time. */
export function leasesOf(world: World, nowMs: number): Lease[] {
  const extensions = extensionsOf(world);
  const released = new Set<string>();
  for (const { data } of world.byKind.release.values()) {
    const name = textOf(data, 'reservation_id');
    if (name !== undefined) released.add(name);
  }
  return Array.from(world.byKind.reservation.values(), (reservation) => {
    const name = textOf(reservation.data, 'reservation_id') ?? reservation.id;
    return toLease(reservation, name, extensions.get(name), released.has(name), nowMs);
  });
}

function toLease(
  reservation: Standing,
  name: string,
  extension: Extension | undefined,
  isReleased: boolean,
  nowMs: number,
): Lease {
  const { data } = reservation;
  const ownMs = parseTimestamp(data['expires_at']);
  const startMs = parseTimestamp(data['created_at']) ?? reservation.firstMs;
  const endMs = ownMs === undefined ? undefined : Math.max(ownMs, extension?.untilMs ?? 0);
  return {
    key: reservation.key,
    reservation,
    name,
    run: textOf(data, 'run_id') ?? '',
    branch: textOf(data, 'branch') ?? '',
    addresses: addressesOf(data),
    startMs,
    endMs,
    renewedMs: Math.max(startMs, extension?.beatMs ?? 0),
    state: isReleased ? 'released' : endMs === undefined ? 'none' : endMs > nowMs ? 'active' : 'lapsed',
  };
}

/** Whether the lease keeps others out. */
export const isHeld = ({ state }: Lease): boolean => state === 'active' || state === 'none';

function extensionsOf(world: World): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const { data, atMs } of world.byKind.heartbeat.values()) {
    const name = textOf(data, 'reservation_id');
    const untilMs = parseTimestamp(data['extended_expires_at']);
    if (name === undefined || untilMs === undefined) continue;
    const beatMs = parseTimestamp(data['last_beat_at']) ?? atMs;
    if (untilMs > (extensions.get(name)?.untilMs ?? 0)) extensions.set(name, { untilMs, beatMs });
  }
  return extensions;
}
