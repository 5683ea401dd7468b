import { KIND_DIRECTORIES, KINDS, type Kind } from '../../../protocol/index.js';
import type { Operation } from '../../fault/life.js';
import { fileError, type DirectoryEvent, type SimulatedDisk } from '../machine/simulated-disk.js';

export const ROOT = '/work/repository';
export const MUSE = `${ROOT}/.muse`;
export const COORDINATION = `${MUSE}/coordination`;

export const directoryOf = (kind: Kind): string => `${COORDINATION}/${KIND_DIRECTORIES[kind]}`;
export const fileOf = (kind: Kind, id: string): string => `${directoryOf(kind)}/${id}.json`;

type Data = Readonly<Record<string, unknown>>;

/** What is at a record's path. */
export type Found =
  | { readonly is: 'record'; readonly data: Data; readonly json: string }
  /** Half a record, nothing, a link: `data` is what it said when it was last a record. */
  | { readonly is: 'broken'; readonly since: number; readonly data: Data | undefined };

/** A file that is no record holds what it said last for as long as a server may wait for the rest. */
const SETTLE_MS = 200;
/** A longer file is no record. */
const MAX_RECORD_BYTES = 262_144;

/**
 * The files of one repository, and what is true of them: what they say and have said, seen from outside and all at once, by rules
 * that are written here again and not taken from the product.
 */
export class Repository {
  readonly #found = new Map<Kind, Map<string, Found>>(KINDS.map((kind) => [kind, new Map<string, Found>()]));
  /** What was done to each record's file, for the judge of histories. */
  readonly operations: Operation[] = [];
  /** Reservations that had ended at some moment, by files and clock. */
  readonly #ended = new Set<string>();
  /** The latest that the wall clock has shown: a lease that has ended by it may be called ended. */
  #latestWall = 0;
  /** Called before each change: all is as it was until now. */
  beforeChange: () => void = () => undefined;

  constructor(readonly disk: SimulatedDisk) {
    for (const path of ['/work', ROOT, MUSE, COORDINATION]) disk.makeDirectory(path);
    for (const kind of KINDS) disk.makeDirectory(directoryOf(kind));
    disk.onChange = () => {
      this.#noteEnds();
      this.beforeChange();
    };
    disk.watchers.add((event) => {
      this.#changed(event);
    });
  }

  /** What stands in a kind's directory, by id. */
  found(kind: Kind): ReadonlyMap<string, Found> {
    return this.#found.get(kind)!;
  }

  /** What the wall clock has shown until now it has shown, also when it is set back. */
  noteClock(): void {
    this.#latestWall = Math.max(this.#latestWall, this.disk.host.wall());
  }

  get latestWall(): number {
    this.noteClock();
    return this.#latestWall;
  }

  /**
   * Whether the files say that somebody holds an address: a reservation that names it, that no release names, and whose end, or
   * the furthest end that a heartbeat gives it, no clock has reached.
   */
  isHeld(address: string): boolean {
    return this.holderOf(address) !== undefined;
  }

  /** One of those that hold an address. */
  holderOf(address: string): string | undefined {
    for (const id of this.found('reservation').keys()) {
      const addresses = this.#settled('reservation', id)?.['addresses'];
      if (Array.isArray(addresses) && addresses.includes(address) && !this.#isOver(id)) return id;
    }
    return undefined;
  }

  /** Whether a reservation had ended at some moment until now, or is not there. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id) || this.#isOver(id);
  }

  /** Makes what is missing of the directories, as Muse does before it writes. */
  ensure(kind: Kind): void {
    for (const path of [COORDINATION, directoryOf(kind)]) {
      try {
        this.disk.makeDirectory(path);
      } catch {
        // It is there, or something else is: writing will tell.
      }
    }
    if (!this.disk.directory(directoryOf(kind))) throw fileError('ENOTDIR', directoryOf(kind));
  }

  #isOver(id: string): boolean {
    const data = this.#settled('reservation', id);
    if (!data) return true;
    let end = Date.parse(String(data['expires_at']));
    const beat = this.#settled('heartbeat', id);
    if (beat) end = Math.max(end, Date.parse(String(beat['extended_expires_at'])));
    if (!(end > this.latestWall)) return true;
    for (const found of this.found('release').values()) if (found.data?.['reservation_id'] === id) return true;
    return false;
  }

  #settled(kind: Kind, id: string): Data | undefined {
    const found = this.found(kind).get(id);
    if (found?.is !== 'broken') return found?.data;
    return this.disk.host.time.now - found.since < SETTLE_MS ? found.data : undefined;
  }

  #noteEnds(): void {
    for (const id of this.found('reservation').keys())
      if (!this.#ended.has(id) && this.#isOver(id)) this.#ended.add(id);
  }

  // ── what is done to the files ─────────────────────────────────────────────────────────────────────────────────────

  #changed({ directory, name }: DirectoryEvent): void {
    const kind =
      name === undefined ? undefined : KINDS.find((each) => this.disk.directory(directoryOf(each)) === directory);
    if (kind !== undefined) {
      const id = idOf(name!);
      if (id !== undefined) this.#look(kind, id);
      return;
    }
    // A directory has come or gone, and all that is in it with it.
    for (const each of KINDS) {
      const names = this.disk.directory(directoryOf(each))?.entries.keys() ?? [];
      const ids = [...names].map(idOf).filter((id) => id !== undefined);
      for (const id of new Set([...ids, ...this.found(each).keys()])) this.#look(each, id);
    }
  }

  #look(kind: Kind, id: string): void {
    const known = this.#found.get(kind)!;
    const before = known.get(id);
    const node = this.disk.directory(directoryOf(kind))?.entries.get(`${id}.json`);
    if (node === undefined) {
      if (!before) return;
      known.delete(id);
      this.operations.push({ is: 'remove', kind, id });
      return;
    }
    const json = node.is === 'file' ? node.data.toString() : '';
    if (before?.is === 'record' && before.json === json) return;
    const data = json.length > MAX_RECORD_BYTES ? undefined : parsed(json);
    if (data) {
      known.set(id, { is: 'record', data, json });
      this.operations.push({ is: 'write', kind, id, data });
      return;
    }
    const since = before?.is === 'broken' ? before.since : this.disk.host.time.now;
    known.set(id, { is: 'broken', since, data: before?.data });
    // Of one that never was a record a server says that it is there, and no more.
    if (!before) this.operations.push({ is: 'write', kind, id, data: {} });
  }
}

function idOf(name: string): string | undefined {
  return name.endsWith('.json') && !name.startsWith('.') ? name.slice(0, -'.json'.length) : undefined;
}

function parsed(text: string): Data | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : undefined;
  } catch {
    return undefined;
  }
}
