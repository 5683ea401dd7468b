import { KIND_DIRECTORIES, KINDS, type Kind } from '../../../protocol/index.js';
import type { Operation } from '../../fault/client-history.js';
import { fileError, type DirectoryEvent, type DirectoryNode, type SimulatedDisk } from '../machine/simulated-disk.js';
import { LONG, plainMeaning, type Data, type Meaning } from './record-text.js';

export const ROOT = '/work/repository';
export const MUSE = `${ROOT}/.muse`;
export const COORDINATION = `${MUSE}/coordination`;

/** A file outside of the repository. */
export const SECRET = '/etc/passwd';

export const directoryOf = (kind: Kind): string => `${COORDINATION}/${KIND_DIRECTORIES[kind]}`;
export const fileOf = (kind: Kind, id: string): string => `${directoryOf(kind)}/${id}.json`;

/** What a server makes in a checkout, where it is missing. */
export const OWN_DIRECTORIES: ReadonlySet<string> = new Set([MUSE, COORDINATION, ...KINDS.map(directoryOf)]);

/** The content of a record's path. */
export interface Found {
  /**
   * `record`: the bus reads it. `unread`: it is one, and the bus does not read it. `broken`: half a record, an empty file; then what it says is what
   * the last whole one said.
   */
  readonly is: 'record' | 'unread' | 'broken';
  readonly json: string;
  /** Since when it is that. */
  readonly since: number;
  /** What the bus shows of it: of what it does not read, what it has read last. */
  readonly data: Data | undefined;
  /** What it says, in the plain form; `undefined` if it never was a record. */
  readonly said: Data | undefined;
  /** When its lease ends, or to when it is extended; NaN if it does not say that. */
  readonly endMs: number;
  /** Whether the bus shows a problem. */
  readonly isFaulty: boolean;
  readonly isUnplaced: boolean;
}

/** The field of a kind that says when a lease ends, or to when it is extended. */
const END_FIELDS: Partial<Record<Kind, string>> = { reservation: 'expires_at', heartbeat: 'extended_expires_at' };

/** A lease that ended longer ago has ended for every server and client, whatever their clocks differ by. */
const CERTAIN_MS = 1_000;
/** A server doubts a larger step ahead of the wall clock for a while. */
const JUMP_MS = 10_000;
const DOUBT_MS = 60_000;
/** A server may miss a record that exists for a shorter time. */
const GLIMPSE_MS = 500;
/** A larger file is no record. */
const MAX_RECORD_BYTES = 262_144;

/**
 * The files of one repository, and what is true of them: what they say and have said, seen from outside and all at once, by rules
 * that are written here again and not taken from the product.
 */
export class Repository {
  readonly #found = new Map<Kind, Map<string, Found>>(KINDS.map((kind) => [kind, new Map<string, Found>()]));
  /** The ids of the releases that name a reservation, by its id: each change of a file asks for them. */
  readonly #releases = new Map<string, Set<string>>();
  /** The changes of each record's file, for the judge of histories. */
  readonly operations: Operation[] = [];
  /** The ids of the reservations on an address, by what each last said: each change of a file asks for them, too. */
  readonly #byAddress = new Map<string, Set<string>>();
  /** How many records of leases may not fit into a small message. */
  #long = 0;
  /** How many files of a kind are broken now, or not read. */
  readonly #unclear = new Map<Kind, number>();
  /** The ids of the reservations that name an address whose place the bus does not know: they may hold any. */
  readonly #unplaced = new Set<string>();
  /** What the texts mean that are not in the plain form. */
  readonly #meanings = new Map<string, Meaning>();
  /** Reservations that had ended at some moment, according to the files and the clock. */
  readonly #ended = new Set<string>();
  /** Reservations that have not. */
  readonly #running = new Set<string>();
  /** As long as no file says otherwise, none of them ends before this time of the wall clock. */
  #nothingEndsBefore = -Infinity;
  /** The latest time of the wall clock so far: a lease that ended before it may be called free. */
  #latestWall = 0;
  /** The latest believable time of the wall clock so far: a lease that ended before it may be reported as ended. */
  #latestBelieved = 0;
  /** The highest offset of the wall clock that a server may have believed: a step ahead up to it only undoes a step back. */
  #believedOffsetMs = 0;
  /** Steps ahead of the wall clock that no server may believe yet. */
  #doubts: { readonly aheadMs: number; readonly untilMs: number }[] = [];
  /** For each file: how long it was no record at most, since when it last was none, and when it could be read again. */
  readonly #unreadable = new Map<
    string,
    { readonly longestMs: number; readonly since: number; readonly readAt: number }
  >();
  /** Called before each change, while everything is still as before. */
  beforeChange: () => void = () => undefined;

  /** @param settleMs how long servers wait for the rest of a file: so long its last complete record counts. */
  constructor(
    readonly disk: SimulatedDisk,
    private readonly settleMs: number,
  ) {
    for (const path of ['/work', ROOT, MUSE, COORDINATION]) disk.makeDirectory(path);
    for (const kind of KINDS) disk.makeDirectory(directoryOf(kind));
    // The target of a planted link: it looks like a record, but no server may read it.
    disk.makeDirectory('/etc');
    disk.truncate(SECRET);
    disk.write(SECRET, Buffer.from(JSON.stringify({ run_id: 'root', addresses: ['src/a.ts'], secret: true })));
    disk.onChange = () => {
      this.#noteEnds();
      this.beforeChange();
    };
    disk.watchers.add((event) => {
      this.#changed(event);
    });
  }

  /** The files in a kind's directory, by id. */
  found(kind: Kind): ReadonlyMap<string, Found> {
    return this.#found.get(kind)!;
  }

  /** Whether a kind has a directory. Only a writer makes a missing directory again. */
  hasDirectory(kind: Kind): boolean {
    return this.disk.directory(directoryOf(kind)) !== undefined;
  }

  /** Records the latest time of the wall clock, which counts also after the clock is set back. */
  noteClock(): void {
    this.#noteEnds();
    this.#latestWall = Math.max(this.#latestWall, this.disk.host.wall());
  }

  get latestWall(): number {
    this.#latestWall = Math.max(this.#latestWall, this.disk.host.wall());
    return this.#latestWall;
  }

  /**
   * Whether the files say that somebody holds an address: a reservation that names it, that no release names, and whose end, or
   * the furthest end that a heartbeat gives it, no clock has reached.
   */
  isHeld(address: string): boolean {
    return this.holderOf(address) !== undefined;
  }

  /** Returns one of the reservations that hold an address. */
  holderOf(address: string): string | undefined {
    for (const id of this.#byAddress.get(address) ?? NOTHING) if (!this.#isOver(id, this.latestWall)) return id;
    return undefined;
  }

  /**
   * Whether an address may be held by what the files say, however it is read: only where no lease on it is left that could be live
   * by any clock, and nothing stands there that cannot be read, is the answer no.
   */
  mayBeHeld(address: string): boolean {
    if (this.#isAnyUnclear('heartbeat') || this.#isAnyUnclear('reservation')) return true;
    for (const ids of [this.#byAddress.get(address) ?? NOTHING, this.#unplaced])
      for (const id of ids)
        if (!this.#isReleased(id, 'read') && this.#endOf(id) > this.disk.host.wall() - CERTAIN_MS) return true;
    return false;
  }

  /** Whether an edge may not know what a record of a lease says, because that does not fit into a small message. */
  get isAnyLong(): boolean {
    return this.#long > 0;
  }

  /** Notes what a text means that an agent writes, or the file that a link with this target leads to. */
  means(text: string, meaning: Meaning): void {
    this.#meanings.set(text, meaning);
  }

  /** Whether a reservation had ended at some moment until now, or is not there. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id) || this.#isOver(id, this.#believedWall());
  }

  /** Called when the wall clock was set. A server that saw a large jump ahead must not believe it for a minute. */
  clockStepped(byMs: number): void {
    if (byMs < 0) this.#doubts = [];
    const aheadMs = this.#offsetMs() - this.#believedOffsetMs;
    if (byMs > JUMP_MS && aheadMs > JUMP_MS)
      this.#doubts.push({ aheadMs: Math.min(byMs, aheadMs), untilMs: this.disk.host.time.now + DOUBT_MS });
    this.#believe();
  }

  /** Called when a server starts: it believes the clock as it is. */
  serverBegins(): void {
    this.#doubts = [];
    this.#believe();
  }

  /** The longest time that a file was no record; periods that follow each other closely count as one. */
  wasUnreadableMs(kind: Kind, id: string): number {
    const known = this.#unreadable.get(`${kind}/${id}`);
    if (!known) return 0;
    return Math.max(known.longestMs, Math.min(known.readAt, this.disk.host.time.now) - known.since);
  }

  /** Makes the missing directories, as Muse does before it writes. */
  ensure(kind: Kind): void {
    for (const path of [COORDINATION, directoryOf(kind)]) {
      if (this.disk.node(path)) continue;
      try {
        this.disk.makeDirectory(path);
      } catch {
        // The directory or something else is at the path: the write that follows shows which.
      }
    }
    if (!this.disk.directory(directoryOf(kind))) throw fileError('ENOTDIR', directoryOf(kind));
  }

  #isOver(id: string, wall: number): boolean {
    return !(this.#endOf(id) > wall) || this.#isReleased(id, 'read or not');
  }

  /** @returns NaN where there is no such lease. */
  #endOf(id: string): number {
    const { endMs } = this.#settledFile('reservation', id) ?? NO_LEASE;
    const beatMs = this.#settledFile('heartbeat', id)?.endMs ?? NaN;
    return beatMs > endMs ? beatMs : endMs;
  }

  #isReleased(id: string, by: 'read' | 'read or not'): boolean {
    for (const release of this.#releases.get(id) ?? NOTHING)
      if (by === 'read or not' || this.found('release').get(release)?.is === 'record') return true;
    return false;
  }

  #believedWall(): number {
    const { host } = this.disk;
    const { now } = host.time;
    if (this.#doubts.some(({ untilMs }) => untilMs <= now)) {
      this.#doubts = this.#doubts.filter((is) => is.untilMs > now);
      this.#believe();
    }
    this.#latestBelieved = Math.max(this.#latestBelieved, host.wall() - host.wallOffsetMs + this.#offsetMs());
    return this.#latestBelieved;
  }

  /** The offset of the wall clock without the steps that no server may believe yet. */
  #offsetMs(): number {
    return this.#doubts.reduce((offset, { aheadMs }) => offset - aheadMs, this.disk.host.wallOffsetMs);
  }

  #believe(): void {
    this.#believedOffsetMs = Math.max(this.#believedOffsetMs, this.#offsetMs());
  }

  /** What is at a record's path; `undefined` once that has been broken for too long. */
  #settledFile(kind: Kind, id: string): Found | undefined {
    const found = this.found(kind).get(id);
    if (found?.is !== 'broken' || this.disk.host.time.now - found.since < this.settleMs) return found;
    return undefined;
  }

  #isAnyUnclear(kind: Kind): boolean {
    return (this.#unclear.get(kind) ?? 0) > 0;
  }

  #noteEnds(): void {
    const wall = this.#believedWall();
    if (wall < this.#nothingEndsBefore) return;
    let soonest = Infinity;
    for (const id of this.#running) {
      if (this.#isOver(id, wall)) {
        this.#ended.add(id);
        this.#running.delete(id);
      } else soonest = Math.min(soonest, this.#endOf(id));
    }
    // What is broken for too long has ended, at whatever time.
    const mayEndAtOnce = this.#isAnyUnclear('heartbeat') || this.#isAnyUnclear('reservation');
    this.#nothingEndsBefore = mayEndAtOnce ? -Infinity : soonest;
  }

  #noteReadability(kind: Kind, id: string, isReadable: boolean): void {
    const key = `${kind}/${id}`;
    const { now } = this.disk.host.time;
    const known = this.#unreadable.get(key);
    if (isReadable) {
      if (known?.readAt !== Infinity) return;
      this.#unreadable.set(key, { ...known, longestMs: Math.max(known.longestMs, now - known.since), readAt: now });
      return;
    }
    // A file that was readable only for a moment may have been read before and after that moment.
    const since = known && now - known.readAt < GLIMPSE_MS ? known.since : now;
    this.#unreadable.set(key, { longestMs: known?.longestMs ?? 0, since, readAt: Infinity });
  }

  // ── what is done to the files ─────────────────────────────────────────────────────────────────────────────────────

  #changed({ directory, name }: DirectoryEvent): void {
    const kind = name === undefined ? undefined : this.#kindOf(directory);
    if (kind !== undefined) {
      const id = idOf(name!);
      if (id !== undefined) this.#look(kind, id);
      return;
    }
    // A directory was added or removed with all its files.
    for (const each of KINDS) {
      const names = this.disk.directory(directoryOf(each))?.entries.keys() ?? [];
      const ids = [...names].map(idOf).filter((id) => id !== undefined);
      for (const id of new Set([...ids, ...this.found(each).keys()])) this.#look(each, id);
    }
  }

  /** The kind whose directory this is; `undefined` if it is another directory, or is not at its path now. */
  #kindOf(directory: DirectoryNode): Kind | undefined {
    const kinds = this.disk.directory(COORDINATION)?.entries;
    return KINDS.find((each) => kinds?.get(KIND_DIRECTORIES[each]) === directory);
  }

  #look(kind: Kind, id: string): void {
    const known = this.#found.get(kind)!;
    const before = known.get(id);
    const node = this.disk.directory(directoryOf(kind))?.entries.get(`${id}.json`);
    if (node === undefined) {
      if (!before) return;
      known.delete(id);
      this.#noteState(kind, id, before, undefined);
      if (kind === 'release') this.#releases.get(nameIn(before))?.delete(id);
      this.#noteReadability(kind, id, true);
      this.operations.push({ is: 'remove', kind, id });
      return;
    }
    const json = node.is === 'file' ? node.data.toString() : node.is === 'link' ? node.target : '';
    if (before?.json === json) return;
    const found = this.#foundIn(kind, json, before);
    if (kind === 'release' && found.is !== 'broken') this.#released(id, before, found);
    known.set(id, found);
    this.#noteState(kind, id, before, found);
    if (found.is !== 'broken' || before?.is !== 'broken') this.#noteReadability(kind, id, found.is !== 'broken');
    // Of a file that the bus has never read, a server reports only that the file exists.
    if (found.is === 'record' || !before) this.operations.push({ is: 'write', kind, id, data: found.data ?? {} });
  }

  #foundIn(kind: Kind, json: string, before: Found | undefined): Found {
    const { now: since } = this.disk.host.time;
    const data = this.#meanings.has(json) ? undefined : parsed(json);
    const meaning = this.#meanings.get(json) ?? (data && plainMeaning(data));
    if (!meaning) {
      const { data: shown, said, endMs } = before ?? NO_LEASE;
      const isStill = before?.is === 'broken';
      return { is: 'broken', json, since: isStill ? before.since : since, data: shown, said, endMs, ...BROKEN };
    }
    const { said, isUnplaced } = meaning;
    const shown = json.length > MAX_RECORD_BYTES ? undefined : meaning.shown;
    const isFaulty = meaning.isFaulty || !shown;
    const is = shown ? 'record' : 'unread';
    return { is, json, since, data: shown ?? before?.data, said, endMs: endIn(kind, said), isFaulty, isUnplaced };
  }

  /** Keeps what is derived from the files in step with them. */
  #noteState(kind: Kind, id: string, before: Found | undefined, now: Found | undefined): void {
    const unclear = (found: Found | undefined): number => (found && found.is !== 'record' ? 1 : 0);
    this.#unclear.set(kind, (this.#unclear.get(kind) ?? 0) + unclear(now) - unclear(before));
    if (OF_LEASES.has(kind)) {
      this.#nothingEndsBefore = -Infinity;
      this.#long += countLong(now) - countLong(before);
    }
    if (kind !== 'reservation') return;
    if (now?.isUnplaced === true) this.#unplaced.add(id);
    else this.#unplaced.delete(id);
    if (before?.said !== now?.said) {
      for (const address of addressesIn(before)) this.#byAddress.get(address)?.delete(id);
      for (const address of addressesIn(now)) {
        const ids = this.#byAddress.get(address);
        if (ids) ids.add(id);
        else this.#byAddress.set(address, new Set([id]));
      }
    }
    // What is being written for the first time has not ended: nobody has read of it yet.
    if (now?.said && !this.#ended.has(id)) this.#running.add(id);
    else this.#running.delete(id);
  }

  #released(id: string, before: Found | undefined, found: Found): void {
    if (before) this.#releases.get(nameIn(before))?.delete(id);
    const name = nameIn(found);
    const ids = this.#releases.get(name);
    if (ids) ids.add(id);
    else this.#releases.set(name, new Set([id]));
  }
}

const NOTHING: ReadonlySet<string> = new Set();

const NO_LEASE = { data: undefined, said: undefined, endMs: NaN };
const BROKEN = { isFaulty: true, isUnplaced: false };

const OF_LEASES: ReadonlySet<Kind> = new Set(['reservation', 'heartbeat', 'release']);

function addressesIn(found: Found | undefined): readonly string[] {
  const addresses = found?.said?.['addresses'];
  return Array.isArray(addresses) ? (addresses as string[]) : [];
}

const countLong = (found: Found | undefined): number => (found && found.json.length > LONG / 2 ? 1 : 0);

const nameIn = ({ said }: Found): string => String(said?.['reservation_id']);

function endIn(kind: Kind, data: Data): number {
  const field = END_FIELDS[kind];
  return field === undefined ? NaN : Date.parse(String(data[field]));
}

function idOf(name: string): string | undefined {
  return name.endsWith('.json') && !name.startsWith('.') ? name.slice(0, -'.json'.length) : undefined;
}

function parsed(text: string): Data | undefined {
  // Half of what agents write is no record yet: that is seen without an error, which takes longer than all else here.
  if (!text.endsWith('}')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : undefined;
  } catch {
    return undefined;
  }
}
