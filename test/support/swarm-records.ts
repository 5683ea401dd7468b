import { unixMillis, type Kind, type RecordData } from '../../protocol/index.js';
import { parseAddress, Swarm, type Address, type Moment, type SwarmRecord } from '../../protocol/swarm/index.js';

const START = Date.UTC(2026, 2, 30, 15);

/** A moment, so many seconds after the records begin. */
export const at = (seconds: number, more: Omit<Moment, 'now'> = {}): Moment => ({
  now: unixMillis(START + seconds * 1_000),
  ...more,
});
export const iso = (seconds: number): string => new Date(START + seconds * 1_000).toISOString();

export function addressOf(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.problem.text}`);
  return parsed.address;
}

export type Data = Readonly<Record<string, unknown>>;

/** @param key its kind and id, `reservation/r1`. */
export function record(key: string, data: Data, problem?: SwarmRecord['problem']): SwarmRecord {
  const [kind, id] = key.split('/') as [Kind, string];
  return { kind, id, data: data as RecordData, problem };
}

/** Records by `kind/id`. */
export function swarmOf(records: Readonly<Record<string, Data>>): Swarm {
  const swarm = new Swarm();
  for (const [key, data] of Object.entries(records)) swarm.put(record(key, data));
  return swarm;
}

/** A lease that ends at 100 s. */
export const reservation = (run: string | undefined, addresses: unknown, more: Data = {}): Data => ({
  run_id: run,
  branch: 'main',
  addresses,
  created_at: iso(0),
  expires_at: iso(100),
  ...more,
});

/** The ids of the reservations that hold an address. */
export const holding = (swarm: Swarm, text: string, moment = at(0)): string[] =>
  swarm.holders([addressOf(text)], moment).holders.map(({ reservation: id }) => id);
