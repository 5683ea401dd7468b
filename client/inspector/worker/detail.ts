import {
  kindFromName,
  overlap,
  parseAddress,
  parseTimestamp,
  recordKey,
  recordProblems,
  type Address,
  type RecordData,
} from '../../../protocol/index.js';
import type { Capture } from '../model/capture.js';
import { workHistoryOf } from '../model/work-history.js';
import { differences } from '../model/difference.js';
import { addressesOf, textOf, type EventEntry } from '../model/entry.js';
import { isUnder } from '../model/symbol-tree.js';
import type { Target } from '../model/target.js';
import { wholeStart } from '../model/visible.js';
import { blockedBy, waitsOf } from '../model/waits.js';
import type { Lease } from '../model/lease.js';
import type { ReplayedRecord } from '../model/replayed-state.js';
import { agentRow } from './agent-rows.js';
import type { WorkHistoryRow, Detail, HistoryRow, Holder, LeaseTermPaint } from './paint.js';
import { isContested, type DerivedState } from './derived-state.js';

const MAX_HISTORY = 60;
const MAX_RECORDS_OF_A_STEP = 4;
const MAX_HOLDERS = 50;

/** Returns what the detail pane shows of the selection. @param end the place in the capture that the view is at. */
export function detailOf(target: Target, derived: DerivedState, capture: Capture, end: number): Detail {
  switch (target.type) {
    case 'record':
      return recordDetail(target, derived, capture, end);
    case 'run':
      return runDetail(target.run, derived, capture, end);
    case 'address':
      return addressDetail(target.address, derived, capture, end);
  }
}

function recordDetail(
  target: Extract<Target, { type: 'record' }>,
  derived: DerivedState,
  capture: Capture,
  end: number,
): Detail {
  const slash = target.key.indexOf('/');
  const kind = kindFromName(target.key.slice(0, slash));
  const id = target.key.slice(slash + 1);
  if (!kind) return { about: 'nothing', name: target.key };
  const history = latest(capture, end, (entry) => entry.kind === kind && entry.id === id);
  const { revision } = target;
  // Of a record that changes often, the event is soon no longer one of the last.
  const event =
    revision === undefined
      ? history[0]
      : latest(capture, end, (entry) => entry.revision === revision && entry.kind === kind && entry.id === id, 1)[0];
  const current = derived.replayed.get(kind, id);
  const data = event?.data ?? current?.data;
  if (!data) return { about: 'nothing', name: target.key };
  const before = event?.before;
  const lease = derived.leases.find(({ key }) => key === target.key);
  return {
    about: 'record',
    key: target.key,
    kind,
    id,
    data,
    before,
    differences: before === undefined ? [] : differences(before, data),
    event: event && { revision: event.revision, type: event.type, atMs: event.atMs },
    revision: event?.revision ?? current?.revision ?? 0,
    exists: current !== undefined,
    problem: recordProblems({ kind, id, data, problem: event?.problem ?? current?.problem }).join('; ') || undefined,
    lease: lease && leaseTermPaint(lease, derived.nowMs),
    waits: derived.waits.filter(
      ({ blockedBy: key, waiters }) => key === target.key || waiters.some(({ record }) => record === target.key),
    ),
    workHistory: workHistoryRows(current ?? removedRecord(target.key, history[0], data), derived),
    history: history.map(historyRow),
  };
}

/** Returns a removed record, because it still belongs to its work history. */
function removedRecord(key: string, event: EventEntry | undefined, data: RecordData): ReplayedRecord {
  const [kind, id] = [kindFromName(key.slice(0, key.indexOf('/')))!, key.slice(key.indexOf('/') + 1)];
  const atMs = event?.atMs ?? 0;
  return {
    key,
    kind,
    id,
    data,
    revision: event?.revision ?? 0,
    atMs,
    firstMs: atMs,
    lastType: 'removed',
    problem: undefined,
  };
}

function workHistoryRows(record: ReplayedRecord, { replayed }: DerivedState): WorkHistoryRow[] {
  return workHistoryOf(replayed, record).map(({ kind, records }) => ({
    kind,
    records: records
      .slice(-MAX_RECORDS_OF_A_STEP)
      .map(({ key, id, atMs, data }) => ({ key, id, atMs, text: gist(data) })),
    more: Math.max(0, records.length - MAX_RECORDS_OF_A_STEP),
  }));
}

function runDetail(run: string, derived: DerivedState, capture: Capture, end: number): Detail {
  const agent = derived.agents.find((one) => one.run === run);
  return {
    about: 'run',
    run,
    agent: agent && agentRow(agent, derived),
    waits: [...new Set([...waitsOf(derived.waits, run), ...blockedBy(derived.waits, run)])],
    history: latest(capture, end, ({ data }) => textOf(data, 'run_id') === run).map(historyRow),
  };
}

function addressDetail(address: string, derived: DerivedState, capture: Capture, end: number): Detail {
  const wanted = parseAddress(address);
  const touches = (addresses: readonly string[]): boolean =>
    addresses.some((one) => isUnder(one, address) || (wanted.ok && overlapsText(wanted.address, one)));
  const holders: Holder[] = [];
  for (const lease of derived.leases) {
    const touched = wanted.ok ? lease.lease.addresses.find((own) => overlap(own, wanted.address))?.text : undefined;
    if (touched === undefined || lease.state === 'released') continue;
    const { key, run, branch } = lease;
    const term = leaseTermPaint(lease, derived.nowMs);
    holders.push({ key, run, branch, address: touched, isContested: isContested(derived, lease), ...term });
  }
  holders.sort(
    (a, b) =>
      Number(isHeldState(b)) - Number(isHeldState(a)) ||
      Number(b.isContested) - Number(a.isContested) ||
      (b.leftMs ?? Infinity) - (a.leftMs ?? Infinity),
  );
  const history = latest(capture, end, ({ data }) => touches(addressesOf(data)));
  const waits = derived.waits.filter(({ wanted: all }) => touches(all) || all.some((one) => isUnder(address, one)));
  return {
    about: 'address',
    address,
    holders: holders.slice(0, MAX_HOLDERS),
    waits,
    history: history.map(historyRow),
  };
}

/** Address texts that have been parsed: all captured events are compared with the address that is shown, again and again. */
const parsed = new Map<string, Address | undefined>();
const MAX_PARSED = 50_000;

function overlapsText(address: Address, text: string): boolean {
  if (!parsed.has(text)) {
    if (parsed.size >= MAX_PARSED) parsed.clear();
    const result = parseAddress(text);
    parsed.set(text, result.ok ? result.address : undefined);
  }
  const other = parsed.get(text);
  return other !== undefined && overlap(other, address);
}

const isHeldState = ({ state }: LeaseTermPaint): boolean =>
  state === 'live' || state === 'suspect' || state === 'unknown';

function leaseTermPaint({ state, endMs, lease }: Lease, nowMs: number): LeaseTermPaint {
  const { writtenExpiry, extendedBy, lastBeatAt } = lease;
  return {
    state,
    leftMs: endMs === undefined ? undefined : endMs - nowMs,
    endMs,
    writtenEndMs: parseTimestamp(writtenExpiry),
    extendedBy: extendedBy === undefined ? undefined : recordKey('heartbeat', extendedBy),
    sinceBeatMs: lastBeatAt === undefined ? undefined : Math.max(0, nowMs - lastBeatAt),
  };
}

/** Returns the last events that match, the newest first. */
function latest(
  capture: Capture,
  end: number,
  matches: (entry: EventEntry) => boolean,
  most = MAX_HISTORY,
): EventEntry[] {
  const found: EventEntry[] = [];
  for (let i = end - 1; i >= 0 && found.length < most; i--) {
    const entry = capture.at(i)!;
    if (entry.what === 'event' && matches(entry)) found.push(entry);
  }
  return found;
}

function historyRow({ seq, atMs, type, kind, id, revision, data }: EventEntry): HistoryRow {
  const run = textOf(data, 'run_id') ?? '';
  return { seq, atMs, type, kind, key: recordKey(kind, id), revision, run, text: gist(data) };
}

/** Returns the field that says most about a record. */
function gist(data: RecordData): string {
  const text = textOf(data, 'detail') ?? textOf(data, 'title') ?? addressesOf(data)[0] ?? textOf(data, 'reason');
  return wholeStart(text ?? textOf(data, 'reservation_id') ?? '', 256);
}
