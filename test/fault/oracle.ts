import type { WireEvent } from '../../protocol/index.js';
import {
  isOfLease,
  isUnfiltered,
  jsonOf,
  KIND_NAMES,
  passes,
  recordOf,
  TYPE,
  type ClientHistory,
  type ClientFilter,
} from './client-history.js';

/** What the server must send to a filtered subscription for one transition. */
export interface Expected {
  readonly revision: number;
  readonly type: number;
  readonly record: string;
  readonly json: string;
  readonly reason: string | undefined;
}

interface Version {
  readonly at: number;
  /** `undefined` from the removal on. */
  readonly data: object | undefined;
  /** The revision that a snapshot shows. */
  readonly shown: number;
}

/** A range of revisions without a gap, as a subscription to everything received it: a cut and the events after it. */
class RevisionRange {
  /** The events in the order of their revisions; `undefined` for a silent revision. */
  readonly #events: (WireEvent | undefined)[] = [];
  readonly #versions = new Map<string, Version[]>();

  constructor(
    readonly epoch: string,
    readonly from: number,
    snapshot: readonly WireEvent[],
    private readonly isSilent: (epoch: string, revision: number) => boolean,
  ) {
    for (const event of snapshot) {
      this.#versions.set(recordOf(event), [{ at: from, data: event[5], shown: event[0] }]);
    }
  }

  get until(): number {
    return this.from + this.#events.length;
  }

  /** Adds an event. @returns whether it is the next one. */
  add(event: WireEvent): boolean {
    this.passSilent(event[0] - 1);
    if (event[0] !== this.until + 1) return false;
    this.#events.push(event);
    const [at, type] = event;
    if (isOfLease(type)) return true;
    const versions = this.#versions.get(recordOf(event)) ?? [];
    versions.push({ at, data: type === TYPE.removed ? undefined : event[5], shown: at });
    this.#versions.set(recordOf(event), versions);
    return true;
  }

  /** Adds the silent revisions that come next, up to `until`. */
  passSilent(until: number): void {
    while (this.until < until && this.isSilent(this.epoch, this.until + 1)) this.#events.push(undefined);
  }

  /** The first transition after `after`, up to `until`, that a filter shows. */
  next(filter: ClientFilter, after: number, until: number): Expected | undefined {
    for (let at = after + 1; at <= until; at++) {
      const event = this.#events[at - this.from - 1];
      const shown = event && this.#through(filter, event);
      if (shown) return shown;
    }
    return undefined;
  }

  stateAt(at: number): ReadonlyMap<string, Version> {
    const state = new Map<string, Version>();
    for (const [record, versions] of this.#versions) {
      const version = lastUntil(versions, at);
      if (version?.data !== undefined) state.set(record, version);
    }
    return state;
  }

  #through(filter: ClientFilter, event: WireEvent): Expected | undefined {
    const [revision, type, kind, id, , data, reason] = event;
    const record = recordOf(event);
    const name = KIND_NAMES[kind] ?? '?';
    const before = lastUntil(this.#versions.get(record) ?? [], revision - 1)?.data;
    const was = before !== undefined && passes(filter, name, id, before);
    const is = type !== TYPE.removed && passes(filter, name, id, data);
    const plain = { revision, type, record, json: jsonOf(event), reason: reason ?? undefined };
    if (type !== TYPE.modified) return (type === TYPE.removed ? was : is) ? plain : undefined;
    if (was && is) return plain;
    if (is) return { ...plain, type: TYPE.added };
    return was ? { ...plain, type: TYPE.removed, json: JSON.stringify(before), reason: 'left-filter' } : undefined;
  }
}

function lastUntil(versions: readonly Version[], at: number): Version | undefined {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (versions[middle]!.at <= at) low = middle + 1;
    else high = middle;
  }
  return versions[low - 1];
}

/** What happened, according to the clients that subscribed to everything. */
export class Oracle {
  readonly #ranges: RevisionRange[] = [];

  constructor(
    histories: readonly ClientHistory[],
    private readonly isSilent: (epoch: string, revision: number) => boolean = () => false,
  ) {
    for (const history of histories) if (isUnfiltered(history.filter)) this.#read(history);
  }

  /** @returns `undefined` where no client received all of these revisions. */
  covering(epoch: string, after: number, until: number): RevisionRange | undefined {
    return this.#ranges.find((range) => range.epoch === epoch && range.from <= after && range.until >= until);
  }

  #read({ entries }: ClientHistory): void {
    let epoch = '';
    let snapshot: WireEvent[] | undefined;
    let current: RevisionRange | undefined;
    for (const entry of entries) {
      switch (entry.is) {
        case 'connected':
          epoch = entry.epoch;
          break;
        case 'subscribed':
          snapshot = entry.mode === 'replay' ? undefined : [];
          break;
        case 'resync':
          snapshot = [];
          break;
        case 'batch':
        case 'events':
          if (snapshot) snapshot.push(...entry.events);
          else if (!entry.events.every((event) => current?.add(event))) current = undefined;
          break;
        case 'synced':
          if (!snapshot) {
            current?.passSilent(entry.revision);
            break;
          }
          current = new RevisionRange(epoch, entry.revision, snapshot, this.isSilent);
          this.#ranges.push(current);
          snapshot = undefined;
          break;
        case 'heartbeat':
          current?.passSilent(entry.revision);
          break;
        case 'disconnected':
        case 'complete':
          break;
      }
    }
  }
}
