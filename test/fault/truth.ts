import type { WireEvent } from '../../protocol/index.js';
import {
  isOfLease,
  isUnfiltered,
  jsonOf,
  KIND_NAMES,
  passes,
  recordOf,
  TYPE,
  type Life,
  type LifeFilter,
} from './life.js';

/** What a filtered subscription must be sent for one transition. */
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

/** One stretch of revisions without a hole, as a subscription to everything saw it: a cut and what followed. */
class Stretch {
  /** By revision from the first on; none where one is silent. */
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

  /** @returns whether the event is the next one. */
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

  /** Takes in what nobody is shown, up to a revision. */
  passSilent(until: number): void {
    while (this.until < until && this.isSilent(this.epoch, this.until + 1)) this.#events.push(undefined);
  }

  /** The first transition after `after`, up to `until`, that a filter shows. */
  next(filter: LifeFilter, after: number, until: number): Expected | undefined {
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

  #through(filter: LifeFilter, event: WireEvent): Expected | undefined {
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

/** What really happened, put together from those who asked for everything. */
export class Truth {
  readonly #stretches: Stretch[] = [];

  constructor(
    lives: readonly Life[],
    private readonly isSilent: (epoch: string, revision: number) => boolean = () => false,
  ) {
    for (const life of lives) if (isUnfiltered(life.filter)) this.#read(life);
  }

  /** @returns `undefined` where nobody saw that stretch whole. */
  covering(epoch: string, after: number, until: number): Stretch | undefined {
    return this.#stretches.find(
      (stretch) => stretch.epoch === epoch && stretch.from <= after && stretch.until >= until,
    );
  }

  #read({ entries }: Life): void {
    let epoch = '';
    let snapshot: WireEvent[] | undefined;
    let current: Stretch | undefined;
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
          current = new Stretch(epoch, entry.revision, snapshot, this.isSilent);
          this.#stretches.push(current);
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
