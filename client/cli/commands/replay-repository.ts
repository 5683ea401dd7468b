import { join } from 'node:path';
import fs from 'fs-extra';
import { KIND_DIRECTORIES, KINDS, parseTimestamp, type BusEvent, type JsonValue } from '../../../protocol/index.js';
import { renamePatiently } from '../../../server/repository/index.js';

/** An id must be a plain file name, because anyone may have written the recording. */
const PLAIN_ID = /^[^/\\\0]{1,250}$/;

/** Applies the events of a recording to a directory, so that a server of that directory delivers them again. */
export class ReplayRepository {
  constructor(
    private readonly root: string,
    private readonly speed: number,
  ) {}

  prepare(): void {
    for (const kind of KINDS) fs.ensureDirSync(this.#directory(kind));
  }

  /** @returns whether the event changed a file. Leases expire by themselves, and heartbeats revive them. */
  apply(event: BusEvent, now: number): boolean {
    const { kind, id } = event;
    const isAutomatic = event.event_type === 'expired' || event.event_type === 'revived';
    if (isAutomatic || !PLAIN_ID.test(id) || id.startsWith('.')) return false;
    const file = join(this.#directory(kind), `${id}.json`);
    if (event.event_type === 'removed') {
      fs.removeSync(file);
      return true;
    }
    const temporary = join(this.#directory(kind), '.replay');
    fs.writeJsonSync(temporary, this.#moved(event, now));
    renamePatiently(temporary, file);
    return true;
  }

  /** The record with each of its times moved to the present, so that leases lapse as they did. */
  #moved({ data, timestamp }: BusEvent, now: number): Record<string, JsonValue | undefined> {
    const then = Date.parse(timestamp);
    const entries = Object.entries(data).map(([field, value]) => {
      const time = field.endsWith('_at') ? parseTimestamp(value) : undefined;
      const moved = time === undefined ? undefined : new Date(now + (time - then) / this.speed);
      // A time that a date cannot represent stays as it was.
      return [field, moved && !Number.isNaN(moved.getTime()) ? moved.toISOString() : value] as const;
    });
    return Object.fromEntries(entries);
  }

  #directory(kind: BusEvent['kind']): string {
    return join(this.root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
  }
}
