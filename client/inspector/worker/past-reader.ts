import { parseTimestamp, type BusEvent } from '../../../protocol/index.js';
import type { BusClient } from '../../sdk/browser.js';
import type { Beginning } from '../model/entry.js';
import type { PastEvents } from '../model/history.js';
import type { ReadLine } from '../model/ndjson.js';

/** The most events of the past that are asked for. More would not fit into the capture. */
const MAX_EVENTS = 50_000;

/** When the first event after a revision happened; `compacted`: the bus no longer has it; `none`: there is none. */
type Probe = { readonly at: 'event'; readonly atMs: number } | { readonly at: 'compacted' } | { readonly at: 'none' };

/**
 * Reads what happened before the page was connected, from the history of the bus. The history is ordered by revision, so the place of a time
 * is looked for with a few single events.
 */
export async function readPast(
  client: BusClient,
  revision: number,
  sinceMs: number,
  toLine: (event: BusEvent) => ReadLine,
): Promise<PastEvents> {
  const epoch = client.server?.epoch ?? '';
  const floor = Math.max(0, revision - MAX_EVENTS);
  const isEarlyEnough = async (after: number): Promise<{ readonly enough: boolean; readonly compacted: boolean }> => {
    const probe = await probeAfter(client, `${epoch}:${String(after)}`);
    if (probe.at === 'compacted') return { enough: true, compacted: true };
    return { enough: probe.at === 'event' && probe.atMs < sinceMs, compacted: false };
  };
  // `low` is too early or compacted, and everything from `high` on is wanted and there.
  let low = floor - 1;
  let high = revision;
  let compactedAt = -1;
  const atFloor = revision === floor ? undefined : await isEarlyEnough(floor);
  if (atFloor && !atFloor.enough) high = floor;
  else if (atFloor) {
    low = floor;
    if (atFloor.compacted) compactedAt = floor;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const { enough, compacted } = await isEarlyEnough(middle);
      if (enough) low = middle;
      else high = middle;
      if (compacted) compactedAt = middle;
    }
  }
  const events = high < revision ? await readAfter(client, `${epoch}:${String(high)}`, revision, toLine) : [];
  const beginning = beginningOf(high, floor, compactedAt === low);
  return { events, beginning, after: high, fromMs: beginning === 'asked' ? sinceMs : (events[0]?.atMs ?? Infinity) };
}

function beginningOf(high: number, floor: number, isCompacted: boolean): Beginning {
  if (high === 0) return 'epoch';
  if (isCompacted) return 'compacted';
  return high === floor ? 'bounded' : 'asked';
}

async function probeAfter(client: BusClient, since: string): Promise<Probe> {
  for await (const update of client.subscribe({}, { since, snapshot: 'none', maxEvents: 1 }).updates()) {
    if (update.type === 'resync') return { at: 'compacted' };
    if (update.type === 'synced') return { at: 'none' };
    return { at: 'event', atMs: parseTimestamp(update.event.timestamp) ?? Infinity };
  }
  return { at: 'none' };
}

async function readAfter(
  client: BusClient,
  since: string,
  until: number,
  toLine: (event: BusEvent) => ReadLine,
): Promise<ReadLine[]> {
  const found: ReadLine[] = [];
  for await (const update of client.subscribe({}, { since, snapshot: 'none', bufferSize: 4_096 }).updates()) {
    if (update.type !== 'event') break;
    if (update.event.revision > until) break;
    found.push(toLine(update.event));
    if (update.event.revision === until) break;
  }
  return found;
}
