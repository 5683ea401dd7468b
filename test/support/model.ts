/**
 * A model of the bus, as plain as possible: lists and loops, and no code of the server. Property tests compare the server with it.
 * Times are Unix milliseconds.
 */

export type ModelKind = 'reservation' | 'release' | 'heartbeat' | 'task';

const WIRE_KINDS: Readonly<Record<ModelKind, number>> = { reservation: 0, release: 2, heartbeat: 3, task: 4 };

export interface ModelData {
  readonly run_id?: string;
  readonly addresses?: readonly string[];
  readonly reservation_id?: string;
  readonly expires_at?: string;
  readonly extended_expires_at?: string;
}

export interface ModelFilter {
  readonly kinds?: readonly ModelKind[];
  readonly run_ids?: readonly string[];
  readonly ids?: readonly string[];
  /** Addresses, or a prefix that ends in `/**`. */
  readonly addresses?: readonly string[];
  readonly event_types?: readonly string[];
}

interface ModelRecord {
  readonly kind: ModelKind;
  readonly id: string;
  readonly data: ModelData;
  /** For a heartbeat or a release without a run: the last known run of the reservation that it names. */
  readonly followed: string | undefined;
  readonly revision: number;
  readonly problem: string | null;
}

interface Transition {
  readonly type: 'added' | 'modified' | 'removed' | 'expired' | 'revived';
  readonly time: number;
  readonly before: ModelRecord | undefined;
  readonly after: ModelRecord | undefined;
}

/** An event: revision, type, kind, id, time (null in a snapshot), data, reason, problem. A missing field is null. */
export type ModelEvent = readonly [
  number,
  string,
  number,
  string,
  number | null,
  ModelData,
  string | null,
  string | null,
];

export function passes(
  filter: ModelFilter,
  { kind, id, data, followed }: Omit<ModelRecord, 'followed'> & { readonly followed?: string | undefined },
): boolean {
  if (filter.kinds && !filter.kinds.includes(kind)) return false;
  if (filter.ids && !filter.ids.includes(id)) return false;
  if (filter.run_ids && !filter.run_ids.some((run) => run === (data.run_id ?? followed))) return false;
  const isAsked = (address: string): boolean =>
    filter.addresses!.some((asked) =>
      asked.endsWith('/**') ? address.startsWith(asked.slice(0, -2)) : asked === address,
    );
  return !filter.addresses || (data.addresses ?? []).some(isAsked);
}

/** The problem of a file that is no record; such a file has no effect on leases. */
const TORN = 'invalid-json';

/** The reservation that a record belongs to. A heartbeat without `reservation_id` belongs to the one that its file is named after. */
const nameIn = ({ kind, id, data }: ModelRecord): string | undefined =>
  data.reservation_id ??
  (kind === 'reservation' || (kind === 'heartbeat' && Object.keys(data).length > 0) ? id : undefined);

/** The problem of a record that lacks a field which its kind requires. */
function problemOf(kind: ModelKind, data: ModelData): string | null {
  if (kind === 'reservation' && data.expires_at === undefined) return 'no-expiry';
  return kind === 'release' && data.reservation_id === undefined ? 'names-nothing' : null;
}

export class Model {
  readonly #transitions: Transition[] = [];
  /** The records after each revision: entry n is the state after transition n. */
  readonly #states: (readonly ModelRecord[])[] = [[]];
  /** Reservations whose end was in the future when the model last saw it, and which have not expired since. */
  readonly #running = new Set<string>();

  get revision(): number {
    return this.#transitions.length;
  }

  put(kind: ModelKind, id: string, data: ModelData, now: number): void {
    this.#set(kind, id, data, problemOf(kind, data), now);
  }

  break(kind: ModelKind, id: string, now: number): void {
    const before = this.#find(kind, id);
    if (before?.problem !== 'invalid-json') this.#set(kind, id, before?.data ?? {}, 'invalid-json', now);
  }

  remove(kind: ModelKind, id: string, now: number): void {
    const before = this.#find(kind, id);
    if (!before) return;
    if (kind === 'reservation') this.#running.delete(id);
    this.#states.push(this.#records.filter((record) => record !== before));
    this.#transitions.push({ type: 'removed', time: now, before, after: undefined });
    this.#lookAtLeases(kind, now);
  }

  /** Lets time pass: leases whose end has come expire. */
  pass(now: number): void {
    const ended = this.#records
      .filter(({ kind, id }) => kind === 'reservation' && this.#running.has(id))
      .filter((record) => this.#end(record)! <= now)
      .sort((a, b) => this.#end(a)! - this.#end(b)! || (a.id < b.id ? -1 : 1));
    for (const record of ended) {
      this.#running.delete(record.id);
      this.#states.push(this.#records);
      this.#transitions.push({ type: 'expired', time: now, before: record, after: record });
    }
  }

  /** The snapshot at a revision, in canonical order. */
  snapshot(filter: ModelFilter, revision: number): ModelEvent[] {
    if (filter.event_types && !filter.event_types.includes('snapshot')) return [];
    return [...this.#states[revision]!]
      .filter((record) => passes(filter, record))
      .sort((a, b) => WIRE_KINDS[a.kind] - WIRE_KINDS[b.kind] || (a.id < b.id ? -1 : 1))
      .map((record) => [
        record.revision,
        'snapshot',
        WIRE_KINDS[record.kind],
        record.id,
        null,
        record.data,
        null,
        record.problem,
      ]);
  }

  /** The events after a revision, as a filter shows them. */
  after(filter: ModelFilter, revision: number): ModelEvent[] {
    return this.#transitions.flatMap((transition, i) => {
      const event = i < revision ? undefined : seen(filter, transition, i + 1);
      return event && (!filter.event_types || filter.event_types.includes(event[1])) ? [event] : [];
    });
  }

  get #records(): readonly ModelRecord[] {
    return this.#states.at(-1)!;
  }

  #find(kind: ModelKind, id: string): ModelRecord | undefined {
    return this.#records.find((record) => record.kind === kind && record.id === id);
  }

  #set(kind: ModelKind, id: string, data: ModelData, problem: string | null, now: number): void {
    const before = this.#find(kind, id);
    const after = {
      kind,
      id,
      data,
      problem,
      followed: this.#followed(kind, id, data, before),
      revision: this.revision + 1,
    };
    this.#states.push([...this.#records.filter((record) => record !== before), after]);
    this.#transitions.push({ type: before ? 'modified' : 'added', time: now, before, after });
    if (kind === 'reservation') this.#updateFollowers(data.reservation_id ?? id, now);
    this.#lookAtLeases(kind, now);
  }

  #followed(kind: ModelKind, id: string, data: ModelData, before: ModelRecord | undefined): string | undefined {
    if (kind !== 'heartbeat' && kind !== 'release') return undefined;
    const record = { kind, id, data, followed: undefined, problem: null, revision: 0 };
    const name = nameIn(record);
    if (name === undefined) return undefined;
    const named = this.#records.filter((other) => other.kind === 'reservation' && nameIn(other) === name);
    const [first] = named.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (first) return first.data.run_id;
    return before && nameIn(before) === name ? before.followed : undefined;
  }

  /** Heartbeats and releases without a run follow the run of their reservation: where it changes, filters see them enter or leave. */
  #updateFollowers(name: string, now: number): void {
    for (const before of this.#records.filter((record) => nameIn(record) === name)) {
      const followed = this.#followed(before.kind, before.id, before.data, before);
      if (followed === before.followed) continue;
      const after = { ...before, followed, revision: this.revision + 1 };
      this.#states.push([...this.#records.filter((record) => record !== before), after]);
      this.#transitions.push({ type: 'modified', time: now, before, after });
    }
  }

  /** Updates the running leases. @param changed the kind of the record that changed */
  #lookAtLeases(changed: ModelKind, now: number): void {
    const revived: ModelRecord[] = [];
    for (const record of this.#records) {
      if (record.kind !== 'reservation') continue;
      const end = this.#end(record);
      if (end === undefined) this.#running.delete(record.id);
      else if (end > now) {
        if (changed !== 'reservation' && !this.#running.has(record.id)) revived.push(record);
        this.#running.add(record.id);
      }
    }
    for (const record of revived.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      this.#states.push(this.#records);
      this.#transitions.push({ type: 'revived', time: now, before: record, after: record });
    }
  }

  /** The end of a reservation; `undefined` where it has no expiry, is broken, or a release names it. */
  #end({ id, data, problem }: ModelRecord): number | undefined {
    const name = data.reservation_id ?? id;
    const about = this.#records.filter(
      (record) => record.kind !== 'reservation' && nameIn(record) === name && record.problem !== TORN,
    );
    if (problem === TORN || data.expires_at === undefined || about.some(({ kind }) => kind === 'release'))
      return undefined;
    const beats = about
      .filter(({ kind }) => kind === 'heartbeat')
      .flatMap(({ data }) => data.extended_expires_at ?? []);
    return Math.max(...[data.expires_at, ...beats].map((time) => Date.parse(time)));
  }
}

function seen(
  filter: ModelFilter,
  { type, time, before, after }: Transition,
  revision: number,
): ModelEvent | undefined {
  const was = before !== undefined && passes(filter, before);
  const is = after !== undefined && passes(filter, after);
  const event = (shownType: string, record: ModelRecord, reason: string | null, problem: string | null): ModelEvent => [
    revision,
    shownType,
    WIRE_KINDS[record.kind],
    record.id,
    time,
    record.data,
    reason,
    problem,
  ];
  if (type === 'removed') return was ? event('removed', before, 'deleted', null) : undefined;
  if (type === 'revived') return is ? event('revived', after, null, after.problem) : undefined;
  if (type === 'expired') return is ? event('expired', after, 'ttl', after.problem) : undefined;
  if (was && is && before.data === after.data && before.problem === after.problem && before.followed !== after.followed)
    return undefined;
  if (is) return event(was ? 'modified' : 'added', after, null, after.problem);
  return was ? event('removed', before, 'left-filter', before.problem) : undefined;
}
