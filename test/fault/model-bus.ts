import type { WireEvent } from '../../protocol/index.js';
import {
  KIND_NAMES,
  passes,
  TYPE,
  type Entry,
  type ClientHistory,
  type ClientFilter,
  type Operation,
} from './client-history.js';

export const EPOCH = 'E1';
/** How many revisions the history holds. */
const HISTORY_REVISIONS = 60;

interface Transition {
  readonly event: WireEvent;
  readonly before: object | undefined;
}

/** A small random number generator with a seed: mulberry32. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A model of the bus that keeps the contract: random operations, and the histories of clients that lose their connection at random. */
export class ModelBus {
  readonly operations: Operation[] = [];
  readonly #transitions: Transition[] = [];
  readonly #random: () => number;

  constructor(seed: number, operations: number) {
    this.#random = chance(seed);
    const state = new Map<string, object>();
    for (let n = 0; n < operations; n++) this.#operate(n, state);
  }

  get #now(): number {
    return this.#transitions.length;
  }

  #operate(n: number, state: Map<string, object>): void {
    const kind = this.#pick(5);
    const id = `r${String(this.#pick(6))}`;
    const name = KIND_NAMES[kind]!;
    const before = state.get(`${name}/${id}`);
    const isRemoval = before !== undefined && this.#random() < 0.25;
    const data = isRemoval ? before : { n, run_id: `run-${String(this.#pick(3))}` };
    this.operations.push(isRemoval ? { is: 'remove', kind: name, id } : { is: 'write', kind: name, id, data });
    if (isRemoval) state.delete(`${name}/${id}`);
    else state.set(`${name}/${id}`, data);
    const type = isRemoval ? TYPE.removed : before ? TYPE.modified : TYPE.added;
    const event = [this.#now + 1, type, kind, id, 1_000 + n, data, ...(isRemoval ? ['deleted' as const] : [])];
    this.#transitions.push({ event: event as unknown as WireEvent, before });
  }

  #pick(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** The history of a client that receives everything from the first revision to the last. */
  witness(): ClientHistory {
    return this.#history('witness', {}, 0, Infinity, 0);
  }

  /** The history of a client that connects at a random revision and stays to the end. `cap` counts events over all connections. */
  history(name: string, filter: ClientFilter, cuts: number, cap = Infinity): ClientHistory {
    return this.#history(name, filter, cuts, cap, this.#pick(this.#now / 2));
  }

  #history(name: string, filter: ClientFilter, cuts: number, cap: number, from: number): ClientHistory {
    const entries: Entry[] = [];
    let now = from;
    let cursor: number | undefined;
    let left = cap;
    for (let connection = 0; connection <= cuts; connection++) {
      const isLast = connection === cuts;
      const until = isLast ? this.#now : Math.min(this.#now, now + this.#pick(this.#now / 3));
      entries.push({ is: 'connected', epoch: EPOCH, revision: now });
      const model = new ModelConnection(this, filter, entries, left, this.#random, cuts === 0 ? 0 : 0.03);
      const reached = model.run(cursor, now, until, isLast);
      left -= model.delivered;
      if (reached === 'ended') break;
      cursor = reached;
      if (!isLast) entries.push({ is: 'disconnected' });
      now = until;
    }
    return { name, filter, entries };
  }

  cut(at: number, filter: ClientFilter): WireEvent[] {
    const state = new Map<string, WireEvent>();
    for (const { event } of this.#transitions.slice(0, at)) {
      const key = `${String(event[2])} ${event[3]}`;
      if (event[1] === TYPE.removed) state.delete(key);
      else state.set(key, [event[0], TYPE.snapshot, event[2], event[3], 5_000, event[5]]);
    }
    return [...state.values()]
      .filter(([, , kind, id, , data]) => passes(filter, KIND_NAMES[kind]!, id, data))
      .sort((a, b) => a[2] - b[2] || (a[3] < b[3] ? -1 : 1));
  }

  /** What a filter shows of the transitions after one revision and up to another. */
  seen(after: number, until: number, filter: ClientFilter): WireEvent[] {
    return this.#transitions.slice(after, until).flatMap(({ event, before }): WireEvent[] => {
      const [revision, type, kind, id, time, data] = event;
      const name = KIND_NAMES[kind]!;
      const was = before !== undefined && passes(filter, name, id, before);
      const is = type !== TYPE.removed && passes(filter, name, id, data);
      if (type === TYPE.removed || was === is) return was || is ? [event] : [];
      if (is) return [[revision, TYPE.added, kind, id, time, data]];
      return [[revision, TYPE.removed, kind, id, time, before as WireEvent[5], 'left-filter']];
    });
  }
}

/** One connection of a client. */
class ModelConnection {
  delivered = 0;
  #index = 0;
  #n = 1;

  constructor(
    private readonly bus: ModelBus,
    private readonly filter: ClientFilter,
    private readonly entries: Entry[],
    private readonly cap: number,
    private readonly random: () => number,
    /** The probability, per step, that the client falls behind too far. */
    private readonly lagging: number,
  ) {
    this.#index = Math.floor(random() * 50);
  }

  /** @returns the cursor that the client reached; `undefined` inside a snapshot, `ended` where it reached its cap. */
  run(since: number | undefined, now: number, until: number, isLast: boolean): number | undefined | 'ended' {
    const isForgotten = since !== undefined && now - since > HISTORY_REVISIONS;
    const mode = since === undefined ? 'snapshot' : isForgotten ? 'resync' : 'replay';
    const here = `${EPOCH}:${String(mode === 'replay' ? since! : now)}`;
    this.entries.push({
      is: 'subscribed',
      mode,
      cursor: here,
      ...(isForgotten ? { why: 'compacted' } : {}),
      ...(since === undefined ? {} : { since: `${EPOCH}:${String(since)}` }),
      ...(this.cap === Infinity ? {} : { maxEvents: this.cap }),
    });
    const isReplay = mode === 'replay';
    const first = isReplay ? this.bus.seen(since!, now, this.filter) : this.bus.cut(now, this.filter);
    const isCutOff = !isLast && this.random() < 0.2;
    const got = this.#batches(isCutOff ? first.slice(0, Math.floor(this.random() * first.length)) : first);
    if (got === 'ended') return 'ended';
    if (isCutOff) return isReplay ? Math.max(since!, got ?? 0) : undefined;
    this.entries.push({ is: 'synced', revision: now, index: this.#index });
    return this.#changes(now, until, isLast);
  }

  #batches(events: readonly WireEvent[]): number | undefined | 'ended' {
    let last: number | undefined;
    for (const piece of this.#pieces(events)) {
      const fitting = piece.slice(0, this.cap - this.delivered);
      this.entries.push({ is: 'batch', n: this.#n, events: fitting });
      this.#n += fitting.length;
      last = fitting.at(-1)![0];
      if (this.#count(fitting.length)) return 'ended';
    }
    return last;
  }

  #changes(now: number, until: number, isLast: boolean): number | 'ended' {
    let at = now;
    while (at < until) {
      const next = Math.min(until, at + 1 + Math.floor(this.random() * 5));
      for (const piece of this.#pieces(this.bus.seen(at, next, this.filter))) {
        const fitting = piece.slice(0, this.cap - this.delivered);
        this.entries.push({ is: 'events', index: this.#index, events: fitting });
        this.#index += fitting.length;
        if (this.#count(fitting.length)) return 'ended';
      }
      at = next;
      if (this.random() < 0.1) this.entries.push({ is: 'heartbeat', revision: at });
      if (this.random() < this.lagging && this.#lag(at) === 'ended') return 'ended';
    }
    if (!isLast && this.random() < 0.5) return this.#lastSeen(at);
    this.entries.push({ is: 'heartbeat', revision: at });
    return at;
  }

  /** The client fell behind too far: the same subscription receives a new snapshot. */
  #lag(at: number): 'ended' | undefined {
    this.entries.push({ is: 'resync', reason: 'lagged' });
    this.#n = 1;
    if (this.#batches(this.bus.cut(at, this.filter)) === 'ended') return 'ended';
    this.#index += 7;
    this.entries.push({ is: 'synced', revision: at, index: this.#index });
    return undefined;
  }

  /** The connection broke before a heartbeat told the client the current revision. */
  #lastSeen(at: number): number {
    const last = this.entries.at(-1)!;
    if (last.is === 'events') return last.events.at(-1)![0];
    if (last.is === 'heartbeat' || last.is === 'synced') return last.revision;
    this.entries.push({ is: 'heartbeat', revision: at });
    return at;
  }

  #pieces(events: readonly WireEvent[]): WireEvent[][] {
    const pieces: WireEvent[][] = [];
    for (let from = 0; from < events.length;) {
      const until = from + 1 + Math.floor(this.random() * 6);
      pieces.push(events.slice(from, until));
      from = until;
    }
    return pieces;
  }

  /** Counts delivered events. @returns whether the cap is reached. */
  #count(events: number): boolean {
    this.delivered += events;
    if (this.delivered < this.cap) return false;
    this.entries.push({ is: 'complete', reason: 'max_events', delivered: this.delivered });
    return true;
  }
}
